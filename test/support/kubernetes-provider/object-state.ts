import type { KubeObject, KubeReference } from '../cluster/api.ts'

/** What the state has of an object: how it was, and the manager that its fields were set by. */
export type State = KubeObject & { __fieldManager?: string }

/** Was made, and did not get ready. */
export class NotReady extends Error {
  readonly id: string
  readonly live: KubeObject
  constructor(id: string, live: KubeObject, reason: string) {
    super(`${live.kind} ${id} was created, but did not become ready: ${reason}`)
    this.id = id
    this.live = live
  }
}

/** What the engine hands over for a value that is not known before the update. */
const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9'

/** Only in a preview, of what others of the same update come to. */
export const isUnknown = (inputs: KubeObject): boolean => JSON.stringify(inputs).includes(UNKNOWN)

export const idOf = ({ metadata: { name, namespace } }: KubeReference): string =>
  namespace === undefined ? name : `${namespace}/${name}`

export function named(id: string): KubeReference['metadata'] {
  const [name = '', namespace] = id.split('/').reverse()
  return namespace === undefined ? { name } : { name, namespace }
}

/** Without the server's notes on who set which field. */
export function tidy(live: KubeObject, manager: string | undefined): State {
  const { managedFields: _, ...metadata } = live.metadata
  return { ...live, metadata, ...(manager && { __fieldManager: manager }) }
}
