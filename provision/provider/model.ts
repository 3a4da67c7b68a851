import type { ModelArgs, ModelState } from '../../infra/resources.ts'
import { readLocks } from '../models/lock.ts'
import { findProvisioned, provisionModel } from '../models/provision.ts'
import type { Task } from '../progress.ts'
import type { ResourceKind } from './resource.ts'

/** A model in Ollama's store. Nothing removes it there but `down --purge`: weights are costly to bring in again. */
export const modelKind: ResourceKind<ModelArgs, ModelState> = {
  results: ['digest', 'servesDigest', 'source'],

  create: provision,

  async read(state) {
    const { definition, serves, ollama } = state
    const found = await findProvisioned({ name: definition.name, serves }, ollama).catch(
      () => 'unknown' as const,
    )
    // A server that does not answer says nothing about its models: its own resource has been found dead.
    if (found === 'unknown') return state
    return found && { ...state, digest: found.digest, servesDigest: found.servesDigest }
  },

  update: (_state, args, task) => provision(args, task),

  async delete() {},
}

async function provision(args: ModelArgs, task: Task): Promise<ModelState> {
  const { definition, serves, contextLength, mirror, deadline, ollama } = args
  const locks = await readLocks(args.lockRecord)
  const { digest, servesDigest, source } = await provisionModel(
    { definition, serves, contextLength, mirror, deadline },
    ollama,
    locks,
    task,
  )
  return { ...args, digest, servesDigest, source }
}
