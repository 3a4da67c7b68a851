import { reasonOf } from '../../infra/failure.ts'
import type { ModelSource } from '../../infra/settings/models.ts'
import type { Millis } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import { importModel } from './import.ts'
import { ask, findInstalled, type Installed, type OllamaStore } from './provisioning-client.ts'
import { pull } from './pull.ts'
import { SourceProblem } from './source-problem.ts'
import { requireSpace } from './space.ts'
import { describeDefects, findDefects, removeDefects } from './verify-files.ts'
import { findWeights, isFileSource } from './weights.ts'

/** A model that came from a source and is what its own manifest says. */
export interface Arrival {
  source: ModelSource
  /** The name it came under: a mirror's models bring host and namespace along. */
  name: string
  installed: Installed
}

export interface Delivery {
  model: string
  /** Bytes it takes on disk, as far as known. */
  sizeBytes: number
  stall: Millis
  /** The toolchain's cache, where packages are unpacked. */
  cache: string
  /** Record of hashed files, see hashFile. */
  hashes: string
}

/** Files that are damaged after a transfer are brought once more, and no more than that. */
const TRIES = 2

/**
 * Brings a model in from one source and compares its files with its manifest.
 * @throws SourceProblem when this source cannot give it
 */
export async function bringFrom(
  source: ModelSource,
  delivery: Delivery,
  server: OllamaStore,
  task: Task,
): Promise<Arrival> {
  const name = nameAt(source, delivery.model)
  let isThere = false
  try {
    for (let tries = 1; ; tries += 1) {
      await transfer(source, name, delivery, server, task)
      isThere = true
      const installed = await findInstalled(name, server, task.signal)
      if (installed === undefined) throw new SourceProblem('Ollama does not list it afterwards')
      const defects = await findDefects(installed, delivery.hashes, server, task)
      if (defects.length === 0) return { source, name, installed }

      await removeDefects(defects)
      const damage = describeDefects(defects)
      if (tries === TRIES) throw new SourceProblem(`it arrives damaged: ${damage}`)
      task.report(`${damage}: bringing it again`)
    }
  } catch (error) {
    // Nobody must be served with what came damaged.
    if (isThere && error instanceof SourceProblem) {
      await ask(server, task.signal, ollama => ollama.delete({ model: name }))
    }
    throw error
  }
}

async function transfer(
  source: ModelSource,
  name: string,
  { model, sizeBytes, stall, cache }: Delivery,
  server: OllamaStore,
  task: Task,
): Promise<void> {
  if (!isFileSource(source)) {
    await requireSpace(model, sizeBytes, server)
    return pull(
      { name, insecure: source.kind === 'mirror' && source.insecure === true, stall },
      server,
      task,
    )
  }
  const weights = await findWeights(source, cache, task).catch(error => {
    task.signal.throwIfAborted()
    throw new SourceProblem(reasonOf(error), { cause: error })
  })
  const size = weights.reduce((sum, file) => sum + file.size, 0)
  const isConverted = weights.some(file => file.name.endsWith('.safetensors'))
  await requireSpace(model, isConverted ? 2 * size : size, server)
  await importModel(name, weights, server, task)
}

function nameAt(source: ModelSource, model: string): string {
  if (source.kind !== 'mirror') return model
  return `${source.host}/${source.namespace}/${model.split('/').at(-1)}`
}
