import { type Bytes, MiB } from '../units.ts'

/**
 * What is kept free on the disk of a Chroma server. Chroma does not bear a full disk (measured, 1.5.9): a write that
 * finds no room leaves transactions open that never end, a read of a shard whose newest records cannot be indexed fails,
 * and an index that is saved then is lost. So writes are refused before: with this much there is room for those that
 * are under way, and for the indexes that they have saved.
 */
export const CHROMA_RESERVE: Bytes = 256 * MiB
