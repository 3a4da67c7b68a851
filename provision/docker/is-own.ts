import { CONTAINER_OWNER_LABEL } from '../../infra/docker/docker-names.ts'
import type { Owner } from '../../infra/ownership/owner.ts'

/** Something of the Engine that carries labels. */
export interface Labelled {
  name: string
  labels: Record<string, string>
}

/**
 * Whether a container or a volume is of an owner: by its label; or as what an older version made, which is
 * on the list of what was adopted, or, before the first update since, all that the older version has made.
 */
export function isOwn({ name, labels }: Labelled, { id, older, adopted }: Owner): boolean {
  const owner = labels[CONTAINER_OWNER_LABEL]
  if (owner !== undefined) return owner === id
  return adopted.includes(name) || (older && id === undefined)
}
