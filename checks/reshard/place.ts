import type { Generation } from '../store/generations.ts'
import type { MoveTarget } from '../store/shards/shard-move.ts'

/** Where creators are, or are to be, and whose vectors they have there. */
export type Place = Pick<MoveTarget, 'map' | 'embeddingModel'>

export const placeOf = ({ shards: { map, settings } }: Generation): Place => ({
  map: [...map],
  embeddingModel: settings.embeddingModel,
})

export const isSamePlace = (a: Place, b: Place): boolean =>
  a.embeddingModel === b.embeddingModel &&
  a.map.length === b.map.length &&
  a.map.every((instance, shard) => instance === b.map[shard])

const serversOf = ({ map }: Place): number => 1 + Math.max(...map)

export function describePlace(place: Place): string {
  const servers = serversOf(place)
  return `${place.map.length} shards on ${servers === 1 ? 'one server' : `${servers} servers`}, embedded by ${place.embeddingModel}`
}

export const flagsOf = (place: Place): string =>
  `--shards ${place.map.length} --instances ${serversOf(place)} --embedding-model ${place.embeddingModel}`
