import { MOST_RANKED } from '../store/query/nearest.ts'
import { MOST_CHECKED, MOST_KEPT } from '../store/query/unreachable-records.ts'
import type { NotFound } from './shard-damage.ts'

/** Of a creator's chunks, where nothing is ranked beside the index: by chance it does not find as many. */
const BY_CHANCE = 0.001

/**
 * Whether questions miss what the index does not find: it is ranked beside the index when it is little, of a creator who
 * has not too much.
 */
export const isMissed = ({ chunks, ids }: NotFound): boolean =>
  chunks > MOST_RANKED &&
  (ids.length > MOST_KEPT || (chunks > MOST_CHECKED && ids.length > BY_CHANCE * chunks))
