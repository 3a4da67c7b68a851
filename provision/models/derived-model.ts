import { formOf } from '../../infra/capacity/model/gguf-metadata.ts'
import { takesTextsInParts } from '../../infra/capacity/model/runtime.ts'
import { Failure } from '../../infra/failure.ts'
import { findDefects, removeDefects } from './file-defects.ts'
import type { ModelJob, ModelRequest } from './model-job.ts'
import { serverFailure, wordsOf } from './obtain/transfer-failures.ts'
import { type Installed, type Shown, weightsOf } from './ollama-store.ts'

/** Options that every request to the derived model starts from. */
export type Pins = { num_ctx: number; num_batch?: number }

/** @param base the model that they are pinned in */
export const pinsOf = (
  { contextLength, batch }: ModelRequest,
  base: Pick<Shown, 'model_info'>,
): Pins => ({
  num_ctx: contextLength,
  ...(batch !== undefined && !takesTextsInParts(formOf(base.model_info)) && { num_batch: batch }),
})

/**
 * Sees to it that `serves` is the model with the planned options pinned. The weights are shared.
 * @throws Failure `unavailable` when Ollama cannot make it
 */
export async function deriveModel(
  job: ModelJob,
): Promise<{ installed: Installed; changed: boolean }> {
  const { serves, store } = job
  const existing = await store.find(serves)
  if (existing) {
    const defects = await findDefects(existing, job)
    await removeDefects(defects)
    if (defects.length === 0 && (await isDerived(job))) {
      return { installed: existing, changed: false }
    }
  }
  await derive(job)
  const installed = await store.find(serves)
  if (installed) return { installed, changed: true }
  throw new Failure('unavailable', `Ollama at ${store.url} made ${serves} but does not list it`)
}

async function derive(job: ModelJob): Promise<void> {
  const { definition, serves, store, task } = job
  const { name } = definition
  task.report(`${serves} from ${name}`)
  try {
    const parameters = pinsOf(job, await store.show(name))
    await store.create({ model: serves, from: name, parameters }, task.report)
  } catch (error) {
    task.signal.throwIfAborted()
    const failure = await serverFailure(error, serves, store)
    if (failure) throw failure
    throw new Failure(
      'unavailable',
      `Ollama at ${store.url} cannot make ${serves} from ${name}: ${wordsOf(error)}`,
      { cause: error },
    )
  }
}

async function isDerived(job: ModelJob): Promise<boolean> {
  const base = await job.store.show(job.definition.name)
  // One that Ollama cannot show is made anew.
  const derived = await job.store.show(job.serves).catch(() => undefined)
  return derived !== undefined && contentOf(derived) === contentOf(base, pinsOf(job, base))
}

/** What decides about a model's answers, as one text. */
function contentOf(shown: Shown, pins: Partial<Pins> = {}): string {
  const inherited = parametersOf(shown).filter(line => !(line.split(' ')[0]! in pins))
  const pinned = Object.entries(pins).map(([name, value]) => `${name} ${value}`)
  const parameters = [...inherited, ...pinned].sort()
  return JSON.stringify([weightsOf(shown), shown.template, shown.system, parameters])
}

/** The options set in a model, each as `name value`, sorted. */
export function parametersOf({ parameters }: Shown): string[] {
  return parameters
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.replace(/\s+/, ' '))
    .sort()
}
