import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { fetchPythonPackage } from '../../../provision/toolchain/installers/python-package.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { recordingTask } from '../recording-task.ts'
import type { KubernetesObject } from './kubernetes-objects.ts'

/** A package that carries the API's own schemas, of all releases, with unknown fields refused. */
const PACKAGE = {
  name: 'kubernetes-validate',
  version: '1.37.0',
  sha256: '85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9',
}

/** Says what is wrong with an object by the API of a release; nothing when it is valid. One after another. */
export type Validate = (object: KubernetesObject) => Promise<string[]>

/** @param release `1.29` */
export async function schemasOf(release: string): Promise<Validate> {
  const { cache } = toolchainOptions(process.env)
  const content = await fetchPythonPackage(PACKAGE, cache, recordingTask().task)
  const schemas = join(content, 'kubernetes_validate/kubernetes-json-schema')
  const folder = join(schemas, `v${release}.0-local-strict`)
  const read = async (file: string) => JSON.parse(await readFile(join(folder, file), 'utf8'))
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  // As the schemas of the kinds name it.
  ajv.addSchema(await read('_definitions.json'), '/api/_definitions.json')
  return async object => {
    const file = fileOf(object)
    if (ajv.schemas[file] === undefined) ajv.addSchema(await read(file), file)
    const validate = ajv.getSchema(file)!
    if (validate(object)) return []
    const { kind, metadata } = object
    return validate.errors!.map(
      ({ instancePath, message }) => `${kind} ${metadata.name}: ${instancePath} ${message}`,
    )
  }
}

/** `statefulset-apps-v1.json`, `service-v1.json` */
const fileOf = ({ kind, apiVersion }: KubernetesObject): string => {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
  return [kind.toLowerCase(), group!.split('.')[0], version]
    .filter(Boolean)
    .join('-')
    .concat('.json')
}
