import { basename, dirname } from 'node:path'
import { core, type types } from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import type { ServerFile } from '../../servers/server-spec.ts'
import type { Labels } from '../kubernetes-names.ts'
import { hashOf } from './content-hash.ts'
import type { Volume } from './pod.ts'

/** Files of one folder, as an object of the cluster. */
interface FilesArgs {
  name: string
  labels: Labels
  /** What a pod calls the volume; the object's name unless said otherwise. */
  volume?: string
  files: readonly ServerFile[]
}

/** How a pod and a container of it see the files of an object. */
export interface MountedFiles {
  volume: Volume
  mount: types.input.core.v1.VolumeMount
  /** Another text when one of the files is another. */
  hash: pulumi.Output<string>
}

/** Keeps files as a Secret, for those that hold tokens or keys. */
export function secretFiles(args: FilesArgs, options: pulumi.CustomResourceOptions): MountedFiles {
  const { name, labels, files } = args
  const data = files.map(({ path, content }) => [basename(path), pulumi.secret(content)])
  const secret = new core.v1.Secret(
    name,
    { metadata: { name, labels }, stringData: Object.fromEntries(data) },
    { ...options, deleteBeforeReplace: true },
  )
  return mounted(args, { secret: { secretName: secret.metadata.name, defaultMode: 0o440 } })
}

/** Keeps files as a ConfigMap. */
export function configFiles(args: FilesArgs, options: pulumi.CustomResourceOptions): MountedFiles {
  const { name, labels, files } = args
  const data = files.map(({ path, content }) => [basename(path), content])
  const config = new core.v1.ConfigMap(
    name,
    { metadata: { name, labels }, data: Object.fromEntries(data) },
    { ...options, deleteBeforeReplace: true },
  )
  return mounted(args, { configMap: { name: config.metadata.name } })
}

const mounted = ({ name, volume = name, files }: FilesArgs, source: Omit<Volume, 'name'>) => ({
  volume: { name: volume, ...source },
  mount: { name: volume, mountPath: dirname(files[0]!.path), readOnly: true },
  hash: hashOf(...files.map(({ content }) => content)),
})
