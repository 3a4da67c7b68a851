import { z } from 'zod'
import { type ModelManifest, readManifest, weightsAmong } from '../../checks/models/model-files.ts'
import type { Architecture } from '../../infra/capacity/model/architecture.ts'
import { catalogArchitecture } from '../../infra/capacity/stack-plan.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { localPaths, lockRecordOf } from '../../infra/settings/home-paths.ts'
import {
  type ModelDefinition,
  type ModelSource,
  withTag,
} from '../../infra/settings/model-definition.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { seconds } from '../../infra/units.ts'
import { architectureIn, readGguf } from '../models/gguf-file.ts'
import { expectedFrom, type Locks, readLocks } from '../models/locks.ts'
import { sourcesOf } from '../models/model-job.ts'

/** Whether models that are not here yet may be asked for at their sources. */
export type FigureSources = 'sources' | 'here'

/**
 * The figures of a stack's models, the best that can be had of each: of the file that is in the stack's store,
 * as they were recorded when it came in, or read again; from its source, where that may be asked; from the lock; from the catalog.
 * @throws Failure for a model that none of these knows
 */
export async function architecturesOf(
  settings: Settings,
  from: FigureSources,
): Promise<(model: ModelDefinition) => Architecture> {
  const locks = await readLocks(lockRecordOf(settings.home))
  const store = localPaths(settings.home).models
  const found = new Map<string, Architecture>()
  for (const { definition } of settings.models) {
    const sources = sourcesOf({ definition, mirror: settings.modelMirror })
    const installed = await readManifest(store, definition.name)
    found.set(
      definition.name,
      (installed &&
        (onRecord(definition.name, installed, locks) ??
          (await architectureIn(installed.layers, store)))) ??
        (from === 'sources' ? await askSources(definition.name, sources) : undefined) ??
        lockedOrListed(definition, sources, locks),
    )
  }
  return ({ name }) => found.get(name)!
}

/** As it was read when the model came in: of the very file that the store has. */
function onRecord(model: string, { layers }: ModelManifest, locks: Locks) {
  const entries = [locks.recorded[model], locks.tracked[model]].flatMap(of =>
    Object.values(of ?? {}),
  )
  return entries
    .map(({ architecture }) => architecture)
    .find(known => layers.some(({ digest }) => digest === known?.source))
}

/** From the first source that answers; a source that does not is one that a pull would skip as well. */
async function askSources(model: string, sources: readonly ModelSource[]) {
  for (const source of sources) {
    try {
      if (source.kind === 'folder' && source.path.endsWith('.gguf')) {
        return await readGguf(source.path)
      }
      const architecture = await registryArchitecture(source, model)
      if (architecture !== undefined) return architecture
    } catch (error) {
      if (!(error instanceof Failure)) throw error
    }
  }
  return undefined
}

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
async function registryArchitecture(source: ModelSource, model: string) {
  if (source.kind !== 'library' && source.kind !== 'mirror') return undefined
  const base =
    source.kind === 'library' ? LIBRARY : `${source.insecure ? 'http' : 'https'}://${source.host}`
  const namespace = source.kind === 'library' ? 'library' : source.namespace
  const [name, tag] = withTag(model).split(':')
  const repository = `${base}/v2/${namespace}/${name}`
  const { layers } = await manifestAt(`${repository}/manifests/${tag}`)
  const [weights] = weightsAmong(layers)
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

/** Which source will serve is not known yet, and their files differ: the largest of what it may turn out to be. */
function lockedOrListed(
  definition: ModelDefinition,
  sources: readonly ModelSource[],
  locks: Locks,
): Architecture {
  const locked = sources.flatMap(
    source => expectedFrom(source, definition.name, locks)?.entry.architecture ?? [],
  )
  const listed =
    locked.length < sources.length && (definition.figures || locked.length === 0)
      ? [catalogArchitecture(definition)]
      : []
  return [...locked, ...listed].reduce((a, b) => (b.fileBytes > a.fileBytes ? b : a))
}
