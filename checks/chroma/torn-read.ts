import pRetry from 'p-retry'
import { ServerError } from '../transport/server-error.ts'

/**
 * Chroma puts a record into its table before it puts the vector into the index. In between, and the other way
 * round when a record goes, it fails who asks for the two together, with these words (1.5.9).
 */
const TORN_READ = 'Error finding id'
/** The pauses grow from 20 ms to 1.3 s: an index takes a batch in less. */
const AGAIN = { retries: 6, minTimeout: 20, factor: 2 }

/** Asks again while a record is half there. */
export const retryTornRead = <T>(ask: () => Promise<T>): Promise<T> =>
  pRetry(ask, { ...AGAIN, shouldRetry: ({ error }) => isTornRead(error) })

/** For a record that the index found and whose metadata was gone when it was looked up: a filter only finds such as have some. */
export const tornRead = (label: string): ServerError =>
  new ServerError('faulty', `${label} found a record that is gone: ${TORN_READ}`)

const isTornRead = (error: unknown): boolean =>
  error instanceof ServerError && error.message.includes(TORN_READ)
