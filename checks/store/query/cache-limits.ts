import { type Bytes, MiB, minutes, seconds } from '../../../infra/units.ts'

/** How long a query's records, and what is known of a shard, are remembered. By a clock of seconds: a finer one sets a timer for almost every query. */
export const REMEMBERED = { ttl: minutes(5), ttlResolution: seconds(1) }

/** Queries whose records are kept, and what these may take: some 15,000 chunks of 384 dimensions. */
export const FETCHED_QUERIES = 10_000
export const FETCHED_BYTES: Bytes = 64 * MiB

/** Shards whose record ids may be listed. */
export const INDEXED_SHARDS = 1000
/** UTF-16 code units of all ids that are listed: those of some 400,000 records of a usual length. */
export const INDEX_UNITS = 40 * MiB
