import * as pulumi from '@pulumi/pulumi'
import { type KnownResource, type PreviousState, stateOf } from './known-resources.ts'

/**
 * Asks the engine for the stack's own state, which it lets a program see as it does the states of other stacks. The
 * engine ends with a panic when it is asked for the resources of a stack that was made and never updated (3.250,
 * GetStackResourceOutputs in pkg/backend/backend.go); it may be asked for the outputs of any.
 * @param begun whether an update of it is known to have begun: the stack has outputs only when one has ended
 * @returns nothing in it for a stack that was never deployed, or is down
 */
export async function previousState(begun: boolean): Promise<PreviousState> {
  const stackName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`
  const outputsOf = async (read: string, of: Record<string, string>) =>
    (await pulumi.runtime.invoke(`pulumi:pulumi:${read}`, of)).outputs ?? {}
  const hasState =
    begun || Object.keys(await outputsOf('readStackOutputs', { name: stackName })).length > 0
  if (!hasState) return stateOf([])
  const resources = await outputsOf('readStackResourceOutputs', { stackName })
  return stateOf(Object.values<KnownResource>(resources))
}
