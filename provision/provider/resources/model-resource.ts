import type { ModelArgs, ModelState } from '../../../infra/resources.ts'
import { findProvisioned, provisionFromArgs } from '../../models/provision-model.ts'
import { tightenModels } from '../../ownership/tighten-home.ts'
import type { Task } from '../../progress.ts'
import type { ResourceKind } from './resource-kind.ts'

/** A model in Ollama's store. Nothing removes it there but `down --purge`: weights are costly to pull again. */
export const modelKind: ResourceKind<ModelArgs, ModelState> = {
  results: ['digest', 'servesDigest', 'source'],

  create: provision,

  async read(state) {
    const names = { name: state.definition.name, serves: state.serves }
    // A server that does not answer says nothing about its models: its own resource has been found dead.
    const found = await findProvisioned(names, state.ollama).catch(() => state)
    return found && { ...state, digest: found.digest, servesDigest: found.servesDigest }
  },

  update: (_state, args, task) => provision(args, task),
}

async function provision(args: ModelArgs, task: Task): Promise<ModelState> {
  const { digest, servesDigest, source } = await provisionFromArgs(args, task)
  const { modelsFolder } = args.ollama
  if (modelsFolder !== undefined) await tightenModels(modelsFolder)
  return { ...args, digest, servesDigest, source }
}
