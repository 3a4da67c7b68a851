import { type Bytes, MiB, type Millis, minutes, seconds } from '../../../infra/units.ts'

/** How long a query's records, and what is known of a shard, are remembered. By a clock of seconds: a finer one sets a timer for almost every query. */
export const REMEMBERED = { ttl: minutes(5), ttlResolution: seconds(1) }

/** Queries whose records are kept, and what these may take: some 15,000 chunks of 384 dimensions. */
export const FETCHED_QUERIES = 10_000
export const FETCHED_BYTES: Bytes = 64 * MiB

/** What records that Chroma's index does not find may take: of all creators, each of whom has few. */
export const UNREACHABLE_BYTES: Bytes = 16 * MiB

/** Shards whose record ids may be listed. */
export const INDEXED_SHARDS = 1000
/** UTF-16 code units of all ids that are listed: those of some 400,000 records of a usual length. */
export const INDEX_UNITS = 40 * MiB

/** Documents whose versions are remembered: some 40 MB. */
export const VERSIONED_DOCUMENTS = 200_000

/** A creator that is written all the time would else be checked all the time. */
export const CHECKED_AGAIN_AFTER: Millis = seconds(30)
