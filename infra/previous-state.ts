import * as pulumi from '@pulumi/pulumi'
import { type KnownResource, type PreviousState, stateOf } from './known-resources.ts'

/**
 * Asks the engine for the stack's own state, which it lets a program see as it does the states of other stacks.
 * @returns nothing in it for a stack that was never deployed, or is down
 */
export async function previousState(): Promise<PreviousState> {
  const stackName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`
  const read = await pulumi.runtime.invoke('pulumi:pulumi:readStackResourceOutputs', { stackName })
  return stateOf(Object.values((read.outputs ?? {}) as Record<string, KnownResource>))
}
