import type { ModelArgs } from '../../infra/resources.ts'
import type { Task } from '../progress.ts'
import { readLocks } from './lock.ts'
import { lockModel, type ProvisionedModel, provisionModel } from './provision.ts'

/** Brings in a model as the stack asks for it, held to the tracked lock and to the stack's own record. */
export async function provisionFromArgs(args: ModelArgs, task: Task): Promise<ProvisionedModel> {
  const { ollama, lockRecord, ...request } = args
  return provisionModel(request, ollama, await readLocks(lockRecord), task)
}

/** Brings a model in anew and writes what is seen into the tracked lock file. */
export async function lockFromArgs(args: ModelArgs, task: Task): Promise<string> {
  const { ollama, lockRecord, ...request } = args
  return lockModel(request, ollama, await readLocks(lockRecord), task)
}
