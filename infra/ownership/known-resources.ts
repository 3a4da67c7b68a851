import { Outputs } from '../outputs.ts'
import { deployedLayout, type Layout } from './data-layout.ts'

/** What Pulumi knows of a stack from its last update. */
export interface PreviousState {
  /** Id of the stack's owner; absent where an older version deployed it, or nobody did. */
  owner?: string
  layout?: Partial<Layout>
  /** What the stack has on its target, by type and by the properties it had. */
  resources: { type: string; properties: Record<string, unknown> }[]
}

/** A resource of Pulumi's state; what is only a part of the program has no id. */
export interface KnownResource {
  type: string
  id?: string | undefined
  outputs?: Record<string, unknown> | undefined
}

const OWNER = 'knowledge:index:Owner'
const STACK = 'pulumi:pulumi:Stack'
const ON_TARGET = /^(docker:|kubernetes:|knowledge:index:Process$)/

/** What the resources of a state tell. */
export function stateOf(resources: readonly KnownResource[]): PreviousState {
  const outputsOf = (wanted: string) => resources.find(({ type }) => type === wanted)?.outputs
  const outputs = Outputs.safeParse(outputsOf(STACK)).data
  const owner = outputsOf(OWNER)?.owner
  return {
    ...(typeof owner === 'string' && { owner }),
    ...(outputs && { layout: deployedLayout(outputs) }),
    resources: resources
      .filter(({ type }) => ON_TARGET.test(type))
      .map(({ type, id, outputs }) => ({ type, properties: { ...(id && { id }), ...outputs } })),
  }
}

/**
 * The names of what a state has on its target: a process goes by its record, a container by its id and its name, a
 * volume by its name, an object of a cluster by its uid: one of the same name may be in another namespace, or on another
 * cluster.
 */
export const namesIn = ({ resources }: PreviousState): Set<string> =>
  new Set(resources.flatMap(namesOf))

function namesOf({ properties }: PreviousState['resources'][number]): string[] {
  const { id, record, name, metadata } = properties as {
    id?: string
    record?: string
    name?: string
    metadata?: { uid?: string }
  }
  return [id, record, name, metadata?.uid].filter(text => text !== undefined)
}
