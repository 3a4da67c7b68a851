import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { weightsAmong } from '../../checks/models/model-files.ts'
import type { Architecture } from '../../infra/capacity/model/architecture.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import {
  LIBRARY_HOST,
  type ModelSource,
  modelAddress,
} from '../../infra/settings/model-definition.ts'
import { seconds } from '../../infra/units.ts'
import { readGguf } from './gguf-file.ts'

/**
 * The architecture of a model, from the head of its file where it is: in a folder, or in a registry by ranges.
 * @returns undefined for a source whose file cannot be read before it was fetched as a whole
 * @throws Failure for one that cannot be reached, or does not have the model
 */
export async function readSource(
  source: ModelSource,
  model: string,
): Promise<Architecture | undefined> {
  switch (source.kind) {
    case 'folder':
      return readGguf(await ggufIn(source.path))
    case 'library':
    case 'mirror':
      return readRegistry(source, model)
    case 'package':
      return undefined
  }
}

/** The file that a path names, or the only GGUF file of the folder that it names. */
async function ggufIn(path: string): Promise<string> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory()
  if (!isFolder) return path
  const files = (await readdir(path)).filter(name => name.endsWith('.gguf'))
  if (files.length === 1) return join(path, files[0]!)
  const what = files.length === 0 ? 'no GGUF file' : `several GGUF files (${files.join(', ')})`
  throw new Failure('misused', `${path} has ${what}`, { mend: 'name one GGUF file as the path' })
}

const MANIFEST_TIMEOUT = seconds(5)

const Manifest = z.object({
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string() })),
})

async function readRegistry(
  source: Extract<ModelSource, { kind: 'library' | 'mirror' }>,
  name: string,
): Promise<Architecture> {
  const address = modelAddress(name)
  const library = { host: address.host ?? LIBRARY_HOST, namespace: address.namespace }
  const { host, namespace } = source.kind === 'mirror' ? source : library
  const isPlain = source.kind === 'mirror' && source.insecure
  const base = `${isPlain ? 'http' : 'https'}://${host}`
  const repository = `${base}/v2/${namespace}/${address.model}`
  const { layers } = await manifestAt(`${repository}/manifests/${address.tag}`)
  const [weights] = weightsAmong(layers)
  if (weights === undefined) {
    throw new Failure('unavailable', `${repository} has ${name} without weights`)
  }
  return readGguf(`${repository}/blobs/${weights.digest}`)
}

async function manifestAt(url: string): Promise<z.infer<typeof Manifest>> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(MANIFEST_TIMEOUT) })
    if (!response.ok) throw new Error(`the server answered ${response.status}`)
    return Manifest.parse(await response.json())
  } catch (error) {
    throw new Failure('unavailable', `${url} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}
