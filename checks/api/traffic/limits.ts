import { API_REQUESTS_PER_MINUTE } from '../../../infra/settings/settings-schema.ts'
import { KiB, MiB, type Millis, minutes, seconds } from '../../../infra/units.ts'

/** What the requests of a lane may hold at once. */
export interface RequestRoom {
  requests: number
  /** Of bodies: what has come of those that come in, and answers, until the last byte is taken. */
  bytes: number
}

/**
 * Requests under way at once, by what they cost. They bound the memory of the process (its limit is in
 * infra/capacity/servers.ts): a body that is written takes some four times its bytes, read, checked and passed on.
 */
export const LANES = {
  write: { requests: 16, bytes: 32 * MiB },
  read: { requests: 256, bytes: 32 * MiB },
  model: { requests: 8, bytes: 4 * MiB },
  reload: { requests: 1, bytes: MiB },
} as const satisfies Record<string, RequestRoom>
export type Lane = keyof typeof LANES

export interface Limits {
  lanes: Record<Lane, RequestRoom>
  /** Of one caller: a creator, or an address that has no token. Back ends together may send ten times as many. */
  requestsPerMinute: number
}

export const LIMITS: Limits = { lanes: LANES, requestsPerMinute: API_REQUESTS_PER_MINUTE }

/**
 * Connections at once, each of which may hold 16 KiB of headers before it is known what for. One address that is no
 * proxy has a quarter: a back end may fill the lanes, also while those that it has left are being closed.
 */
export const CONNECTIONS = { all: 2048, ofAddress: 512 }

/** Bytes of a request's body, where its route says nothing else. */
export const SMALL_BODY = 256 * KiB
/** Bytes of a document with its metadata, or of its chunks with their vectors. */
export const DOCUMENT_BODY = 4 * MiB
/** UTF-16 code units of a document that is brought as text: some 530 chunks of the smallest models. */
export const DOCUMENT_TEXT = 256 * KiB
export const DOCUMENT_CHUNKS = 1000
/** UTF-16 code units of a chunk that is brought with its vector: four times the longest that the store cuts. */
export const CHUNK_TEXT = 8 * KiB
/** Bytes as JSON: a document's metadata is stored with each of its chunks. */
export const DOCUMENT_METADATA = 8 * KiB
/** Numbers of a vector. */
export const VECTOR = 8192
/** Lists and objects inside of each other in a body: more than any route takes, and nothing to recurse into. */
export const BODY_DEPTH = 32
/** Whatever else is in a body than the numbers of its lists: more than the largest document has. */
export const BODY_PARTS = 8192

/** Bytes of a piece of a body at least, beyond the first SMALL_PIECES: a network's are larger by far, and each has a cost. */
export const PIECE = 64
export const SMALL_PIECES = 4096

/** Time for the headers of a request to arrive, from the connection or the first byte on. */
export const HEADERS_ARRIVAL: Millis = seconds(10)
/** Time that a connection is kept without a request: longer than proxies keep theirs, which end it then. */
export const KEPT_ALIVE: Millis = seconds(72)
/** Time for a request to arrive as a whole. */
export const ARRIVAL: Millis = seconds(30)
/** Time for the work on a request, where its route says nothing else. */
export const WORK: Millis = seconds(60)
export const DOCUMENT_WORK: Millis = minutes(5)
export const CHAT_WORK: Millis = minutes(5)
/** A large model from a slow disk. */
export const RELOAD_WORK: Millis = minutes(20)
/** What a health answer may take, of the 5 seconds that it has. */
export const HEALTH_WORK: Millis = seconds(4.5)
/** Time that requests under way have to end after the API was told to stop. */
export const GRACE: Millis = seconds(8)
/** Time that callers then have to be told that they did not end: with GRACE less than a supervisor waits. */
export const LAST_WORDS: Millis = seconds(1)
