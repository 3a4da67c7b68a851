import { PROJECT } from '../project.ts'

/** Volumes keep their names: under another one data and models would come up empty. */
export const volumeName = (stack: string, part: string): string => `${PROJECT}-${stack}-${part}`

/** What every container, network and volume of a stack is marked with. */
export const STACK_LABEL = `${PROJECT}.stack`
export const PART_LABEL = `${PROJECT}.part`

/** On Chroma's volumes: how the data in them is laid out, which cannot change under it. */
export const SHARDS_LABEL = `${PROJECT}.shards`
export const INSTANCES_LABEL = `${PROJECT}.instances`

export const labelsOf = (stack: string, part: string) => [
  { label: STACK_LABEL, value: stack },
  { label: PART_LABEL, value: part },
]

/** The names of the parts, which are their host names within the stack's network too. */
export const chromaPart = (index: number): string => `chroma-${index}`
export const ollamaPart = (pool: string): string => `ollama-${pool}`
export const API_PART = 'api'
/** The front of a part. */
export const frontOf = (part: string): string => `${part}-front`
