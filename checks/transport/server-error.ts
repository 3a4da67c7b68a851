import { Failure, type FailureKind } from '../../infra/failure.ts'

/**
 * - `unreachable`: no connection, or one that broke
 * - `late`: no answer within the deadline
 * - `busy`: the server has no room for the request now (429, 503, and another write in its database)
 * - `missing`: what the request names is not there (404)
 * - `memory`: a model did not fit into memory
 * - `full`: there is no room on the server's disk for what it was to write
 * - `denied`: the server does not take our token (401, 403)
 * - `cancelled`: the server gave the request up (499)
 * - `rejected`: the server refuses the request as it is (other 4xx, and what its database cannot take)
 * - `faulty`: the server failed, or its answer makes no sense
 */
export type ServerErrorReason =
  | 'unreachable'
  | 'late'
  | 'busy'
  | 'missing'
  | 'memory'
  | 'full'
  | 'denied'
  | 'cancelled'
  | 'rejected'
  | 'faulty'

/** A request to Chroma or Ollama that did not get its answer. */
export class ServerError extends Failure {
  readonly reason: ServerErrorReason

  constructor(
    reason: ServerErrorReason,
    message: string,
    options: { mend?: string; cause?: unknown } = {},
  ) {
    super(kindOf(reason), message, options)
    this.name = 'ServerError'
    this.reason = reason
  }
}

/** Whether the server says that what the request names is not there. */
export const isMissing = (error: unknown): boolean =>
  error instanceof ServerError && error.reason === 'missing'

const kindOf = (reason: ServerErrorReason): FailureKind =>
  reason === 'rejected' || reason === 'denied' ? 'misused' : 'unavailable'

/** As SQLite says it, and the system. */
const DISK_FULL = /disk is full|no space left on device|ENOSPC|disk quota exceeded|EDQUOT/i

/** As SQLite says while another statement writes: seen of Chroma 1.5.9 that was asked and written to without a pause. */
const LOCKED = /database( table)? is locked/i

/** As SQLite says of a filter that it cannot take at all. */
const TOO_COMPLEX = /too many SQL variables|Expression tree is too large|parser stack overflow/i

/**
 * As Ollama says that what runs a model has died or talks nonsense. While it embeds it answers so with 400, as it does
 * to a request that is wrong.
 */
const RUNNER_FAILED =
  /do embedding request|embed(ding)? (response|values)|NaN or Inf|\bllama-server\b|\brunner (process|has unexpectedly stopped)|unexpected server status|"http:\/\/127\.0\.0\.1:\d+\//i

/**
 * What an HTTP status means for the caller. Ollama reports a model that does not fit as a 500 whose text
 * changes from version to version, so only the word is looked for.
 */
export function reasonOfStatus(status: number, message: string): ServerErrorReason {
  if (status === 429 || status === 503 || (status >= 500 && LOCKED.test(message))) return 'busy'
  if (status === 404) return 'missing'
  if (status === 401 || status === 403) return 'denied'
  // Neither of the servers answers so: an auth proxy does, whose server is not there at the moment.
  if (status === 502 || status === 504) return 'unreachable'
  if (status === 499) return 'cancelled'
  if (status === 507 || (status >= 500 && DISK_FULL.test(message))) return 'full'
  if (status >= 500 && TOO_COMPLEX.test(message)) return 'rejected'
  if (status >= 500 || RUNNER_FAILED.test(message)) {
    return /memory/i.test(message) ? 'memory' : 'faulty'
  }
  return 'rejected'
}
