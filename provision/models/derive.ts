import { Failure, reasonOf } from '../../infra/failure.ts'
import type { Task } from '../progress.ts'
import { createModel } from './create.ts'
import { findInstalled, type Installed, type OllamaStore } from './provisioning-client.ts'
import { serverFailure } from './server-failure.ts'
import { parametersOf, type Shown, show, weightsOf } from './show.ts'
import { findDefects, removeDefects } from './verify-files.ts'

/** Options that every request to the derived model starts from. */
export type Pins = { num_ctx: number; num_batch?: number }

export interface Derivation {
  name: string
  serves: string
  pins: Pins
  /** Record of hashed files, see hashFile. */
  hashes: string
}

/**
 * Sees to it that `serves` is the model `name` with the planned options pinned. The weights are shared.
 * @throws Failure `unavailable` when Ollama cannot make it
 */
export async function serveDerived(
  derivation: Derivation,
  server: OllamaStore,
  task: Task,
): Promise<{ installed: Installed; changed: boolean }> {
  const { serves, hashes } = derivation
  const existing = await findInstalled(serves, server, task.signal)
  if (existing) {
    const defects = await findDefects(existing, hashes, server, task)
    await removeDefects(defects)
    if (defects.length === 0 && (await isDerived(derivation, server, task.signal))) {
      return { installed: existing, changed: false }
    }
  }
  await derive(derivation, server, task)
  const installed = await findInstalled(serves, server, task.signal)
  if (installed) return { installed, changed: true }
  throw new Failure('unavailable', `Ollama at ${server.url} made ${serves} but does not list it`)
}

async function derive(
  { name, serves, pins }: Derivation,
  server: OllamaStore,
  task: Task,
): Promise<void> {
  task.report(`${serves} from ${name}`)
  try {
    await createModel({ model: serves, from: name, parameters: pins }, server, task)
  } catch (error) {
    task.signal.throwIfAborted()
    const failure = await serverFailure(error, serves, server)
    if (failure) throw failure
    throw new Failure(
      'unavailable',
      `Ollama at ${server.url} cannot make ${serves} from ${name}: ${reasonOf(error)}`,
      { cause: error },
    )
  }
}

async function isDerived(
  { name, serves, pins }: Derivation,
  server: OllamaStore,
  signal: AbortSignal,
): Promise<boolean> {
  const base = await show(name, server, signal)
  // One that Ollama cannot show is made anew.
  const derived = await show(serves, server, signal).catch(() => undefined)
  return derived !== undefined && contentOf(derived) === contentOf(base, pins)
}

/** What decides about a model's answers, as one text. */
function contentOf(shown: Shown, pins: Partial<Pins> = {}): string {
  const inherited = parametersOf(shown).filter(line => !(line.split(' ')[0]! in pins))
  const pinned = Object.entries(pins).map(([name, value]) => `${name} ${value}`)
  const parameters = [...inherited, ...pinned].sort()
  return JSON.stringify([weightsOf(shown), shown.template, shown.system, parameters])
}
