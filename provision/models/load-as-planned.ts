import { openDeployment } from '../../checks/connected-deployment.ts'
import { Failure } from '../../infra/failure.ts'
import type { Outputs } from '../../infra/outputs.ts'
import type { Task } from '../progress.ts'

/**
 * Takes out of memory what an earlier deployment served, and loads anew what requests have left in memory otherwise than planned: an ordinary one under a model's own name, or
 * one with a context of its own. The verification may not do it, and could check nothing.
 * @returns the models that were loaded anew, by the names that serve them
 */
export async function loadAsPlanned(outputs: Outputs, { report, signal }: Task): Promise<string[]> {
  const { inference, close } = await openDeployment(outputs)
  const loaded: string[] = []
  try {
    await inference.unloadUnserved(signal)
    // One after another: two at once may not fit where each of them does.
    for (const model of inference.models) {
      report(model.serves)
      if (await inference.loadAsPlanned(model, signal)) loaded.push(model.serves)
    }
  } finally {
    await close()
  }
  return loaded
}

/** The same before a verification, which says better what is wrong with a server that does not answer. */
export async function loadBeforeChecks(outputs: Outputs, task: Task): Promise<string[]> {
  try {
    return await loadAsPlanned(outputs, task)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    task.signal.throwIfAborted()
    return []
  }
}

export const describeLoaded = (loaded: readonly string[]): string =>
  loaded.length === 0 ? 'as planned' : `${loaded.join(', ')} loaded anew`
