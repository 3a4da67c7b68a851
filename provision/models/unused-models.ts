import type { StoredModel } from '../../checks/inference/ollama-server.ts'
import type { DeployedModel } from '../../infra/outputs.ts'
import { derivedFrom } from '../../infra/settings/model-definition.ts'
import type { Bytes } from '../../infra/units.ts'

export interface Unused {
  /** What this project put there and no stack asks for any more; a model stands before those derived from it. */
  unused: Pick<StoredModel, 'name' | 'size'>[]
  /** Names of what was put there by others. */
  foreign: string[]
  /** What goes with the unused: weights count once. */
  freed: Bytes
}

/**
 * Which models of an Ollama nobody asks for any more. Only what this project derived another from is held to be its own:
 * what somebody pulled into that Ollama by hand has nothing derived from it.
 * @param wanted as it is deployed, and as it is to be
 */
export function findUnused(
  stored: readonly Pick<StoredModel, 'name' | 'size'>[],
  wanted: readonly Pick<DeployedModel, 'name' | 'serves'>[],
): Unused {
  const kept = new Set(wanted.flatMap(({ name, serves }) => [name, serves]))
  const bases = new Set(stored.flatMap(({ name }) => derivedFrom(name) ?? []))
  const others = stored.filter(({ name }) => !kept.has(name))
  const derived = others.filter(({ name }) => derivedFrom(name) !== undefined)
  const own = others.filter(({ name }) => bases.has(name))
  const foreign = others.filter(model => !derived.includes(model) && !own.includes(model))
  return {
    // A prune that is killed in between leaves what tells whose the rest was.
    unused: [...own, ...derived],
    foreign: foreign.map(({ name }) => name),
    freed: own.reduce((sum, { size }) => sum + size, 0),
  }
}
