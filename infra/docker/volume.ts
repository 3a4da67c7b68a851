import * as docker from '@pulumi/docker'
import type { StackContext } from './container.ts'
import { containerLabels, volumeName } from './docker-names.ts'

/** The volume with what must not be lost: it outlives the stack, and a stack that comes back finds it again. */
export function keptVolume(
  { stack, owner, options }: StackContext,
  part: string,
  labels: docker.types.input.VolumeLabel[] = [],
): docker.Volume {
  return new docker.Volume(
    `${stack}-${part}`,
    { name: volumeName(stack, part), labels: [...containerLabels(stack, owner, part), ...labels] },
    // Labels cannot be changed without the volume: one of an older version stays as it is, and is known by its name.
    { ...options, retainOnDelete: true, ignoreChanges: ['labels'] },
  )
}
