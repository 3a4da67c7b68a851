import type Docker from 'dockerode'

// biome-ignore lint/suspicious/noExplicitAny: the engine hands over untyped properties, as the official schema has them
export type Properties = Record<string, any>

/** What the provider does for one type of resource, by the rules of the official provider for it. */
export interface Kind {
  /** Its id, and what is known of it beside the inputs. */
  create(inputs: Properties, docker: Docker): Promise<{ id: string; results: Properties }>
  /** @returns what there is now beside the inputs; undefined when it is gone */
  read(id: string, state: Properties, docker: Docker): Promise<Properties | undefined>
  update?(id: string, inputs: Properties, docker: Docker, olds: Properties): Promise<void>
  delete(id: string, state: Properties, docker: Docker): Promise<void>
}

/** Was made, but is not as it should be: the engine keeps it in its state. */
export class Unfinished extends Error {
  readonly id: string
  readonly reasons = [this.message]
  properties: Properties = {}

  constructor(id: string, reason: string) {
    super(reason)
    this.id = id
  }
}

/** `[{ label, value }]` → what the Engine takes. */
export const labelsOf = (labels: { label: string; value: string }[] = []) =>
  Object.fromEntries(labels.map(({ label, value }) => [label, value]))
