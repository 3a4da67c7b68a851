import { z } from 'zod'
import type { Architecture } from '../../infra/capacity/model/architecture.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { type ModelSource, withTag } from '../../infra/settings/models.ts'
import { seconds } from '../../infra/units.ts'
import { readGguf, WEIGHTS } from './gguf-file.ts'

const LIBRARY = 'https://registry.ollama.ai'
const MANIFEST_TIMEOUT = seconds(5)

const Manifest = z.object({
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string() })),
})

/**
 * The architecture of a model in the library or a mirror, from the head of its weights, read by range.
 * @returns undefined for a source that is no registry
 * @throws Failure for a registry that cannot be reached, or does not have the model
 */
export async function registryArchitecture(
  source: ModelSource,
  model: string,
): Promise<Architecture | undefined> {
  if (source.kind !== 'library' && source.kind !== 'mirror') return undefined
  const base =
    source.kind === 'library' ? LIBRARY : `${source.insecure ? 'http' : 'https'}://${source.host}`
  const namespace = source.kind === 'library' ? 'library' : source.namespace
  const [name, tag] = withTag(model).split(':')
  const repository = `${base}/v2/${namespace}/${name}`
  const { layers } = await manifestAt(`${repository}/manifests/${tag}`)
  const weights = layers.find(({ mediaType }) => mediaType === WEIGHTS)
  if (weights === undefined) {
    throw new Failure('unavailable', `${repository} has ${model} without weights`)
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
