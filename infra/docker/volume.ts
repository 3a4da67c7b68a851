import * as docker from '@pulumi/docker'
import type { Surroundings } from './container.ts'
import { labelsOf, volumeName } from './names.ts'

/** The volume with what must not be lost: it outlives the stack, and a stack that comes back finds it again. */
export function keptVolume(
  { stack, options }: Surroundings,
  part: string,
  labels: docker.types.input.VolumeLabel[] = [],
): docker.Volume {
  return new docker.Volume(
    `${stack}-${part}`,
    {
      name: volumeName(stack, part),
      labels: [...labelsOf(stack, part), ...labels],
    },
    { ...options, retainOnDelete: true },
  )
}
