import * as pulumi from '@pulumi/pulumi'
import { deployedLayout, type Layout } from './layout.ts'
import { Outputs } from './outputs.ts'

/** What Pulumi knows of the stack from its last update. */
export interface PreviousState {
  /** Id of the stack's owner; absent where an older version deployed it, or nobody did. */
  owner?: string
  layout?: Partial<Layout>
  /** What the stack has on its target, by type and by the properties it had. */
  resources: { type: string; properties: Record<string, unknown> }[]
}

const OWNER = 'knowledge:index:Owner'
const STACK = 'pulumi:pulumi:Stack'
const ON_TARGET = /^(docker:|kubernetes:|knowledge:index:Process$)/

/**
 * Asks the engine for the stack's own state, which it lets a program see as it does the states of other stacks.
 * @returns nothing in it for a stack that was never deployed, or is down
 */
export async function previousState(): Promise<PreviousState> {
  const stackName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`
  const read = await pulumi.runtime.invoke('pulumi:pulumi:readStackResourceOutputs', { stackName })
  const known = Object.values((read.outputs ?? {}) as Record<string, Known>)
  const outputs = Outputs.safeParse(known.find(({ type }) => type === STACK)?.outputs).data
  const owner = known.find(({ type }) => type === OWNER)?.outputs.owner
  return {
    ...(typeof owner === 'string' && { owner }),
    ...(outputs && { layout: deployedLayout(outputs) }),
    resources: known
      .filter(({ type }) => ON_TARGET.test(type))
      .map(({ type, outputs }) => ({ type, properties: outputs })),
  }
}

interface Known {
  type: string
  outputs: Record<string, unknown>
}
