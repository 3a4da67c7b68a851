import type * as pulumi from '@pulumi/pulumi'
import { PROJECT } from '../project.ts'

/** Volumes keep their names: under another one data and models would come up empty. */
export const volumeName = (stack: string, part: string): string => `${PROJECT}-${stack}-${part}`

/** What every container, network and volume of a stack is marked with. */
export const STACK_LABEL = `${PROJECT}.stack`
export const PART_LABEL = `${PROJECT}.part`
/** The owner's id (infra/ownership/owner.ts); absent on what an older version made. */
export const CONTAINER_OWNER_LABEL = `${PROJECT}.owner`

/** On Chroma's volumes: how the data in them is laid out, which cannot change under it. */
export const SHARDS_LABEL = `${PROJECT}.shards`
export const INSTANCES_LABEL = `${PROJECT}.instances`
export const EMBEDDING_LABEL = `${PROJECT}.embedding-model`

/** @param owner id of the stack's owner */
export const containerLabels = (stack: string, owner: pulumi.Input<string>, part: string) => [
  { label: STACK_LABEL, value: stack },
  { label: CONTAINER_OWNER_LABEL, value: owner },
  { label: PART_LABEL, value: part },
]

/** The names of the parts, which are their host names within the stack's network too. */
export const chromaPart = (index: number): string => `chroma-${index}`
export const ollamaPart = (pool: string): string => `ollama-${pool}`
export const API_PART = 'api'
/** The auth proxy of a part. */
export const authProxyOf = (part: string): string => `${part}-front`
