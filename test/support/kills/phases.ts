import { shardOf } from '../../../infra/shards.ts'
import { parseText } from './chunk-texts.ts'

/** The parts of a write and of a read, as they are seen from the requests that they send to Chroma. */
export const PHASES = [
  'look-up',
  'announcement, first',
  'write, only request',
  'write, first request',
  'write, middle request',
  'write, last request',
  'announcement, second',
  'clean-up',
  'deletion, first request',
  'deletion, later request',
  'read of the table',
  'read of the index',
] as const
export type Phase = (typeof PHASES)[number]

export const ANNOUNCED_IN = 'knowledge_marks'
const SHARD = /^knowledge_shard_\d+$/
/** As the store has it: creators share so many write versions. */
const VERSIONS = 4096

/** A request for something of a collection. */
export interface CollectionRequest {
  collection: string
  operation: string
  body: { ids?: string[]; documents?: string[]; where?: unknown }
}

/** What a caller is about. */
export interface Operation {
  kind: 'put' | 'delete' | 'bulk' | 'read'
  creators: readonly string[]
  /** That it writes. */
  versions: ReadonlySet<number>
  /** Chunks of all of these. */
  chunks: number
  /** Its caller leaves. */
  hangUp(): void
}

/** How far an operation has come. */
interface Progress {
  operation: Operation
  /** Texts of its chunks that Chroma has taken. */
  written: Set<string>
  deletes: number
}

export interface Passing {
  phase: Phase
  operation: Operation
  /** Chroma has done what it was asked. */
  done(): void
}

/** Knows what the callers of one process are about, and so which phase of it a request to Chroma is. */
export class OperationPhases {
  readonly #all = new Set<Progress>()

  /** @returns what ends it */
  begin(operation: Operation): () => void {
    const progress = { operation, written: new Set<string>(), deletes: 0 }
    this.#all.add(progress)
    return () => this.#all.delete(progress)
  }

  /** @returns undefined for a request of no phase */
  of(request: CollectionRequest): Passing | undefined {
    const progress = this.#progressOf(request)
    if (progress === undefined) return undefined
    const phase = phaseOf(request, progress)
    if (phase === undefined) return undefined
    const done = () => {
      if (request.operation === 'delete') progress.deletes += 1
      if (isWrite(request) && SHARD.test(request.collection)) {
        for (const text of request.body.documents ?? []) progress.written.add(text)
      }
    }
    return { phase, operation: progress.operation, done }
  }

  /**
   * By the versions that the request carries, or the creators that it names: a write before a read, and the first that
   * was begun, since the writes of a creator are done one after another.
   */
  #progressOf(request: CollectionRequest): Progress | undefined {
    const { collection, body } = request
    if (SHARD.test(collection) && isWrite(request)) {
      const version = parseText(body.documents?.[0] ?? '')?.version ?? 0
      return [...this.#all].find(({ operation }) => operation.versions.has(version))
    }
    const named = JSON.stringify([body.where, body.ids])
    const names = (creator: string) =>
      collection === ANNOUNCED_IN
        ? (body.ids ?? []).some(
            id => id.split(' ')[0] === `${shardOf(`mark of ${creator}`, VERSIONS)}`,
          )
        : named.includes(creator)
    const own = [...this.#all].filter(({ operation }) => operation.creators.some(names))
    return own.find(({ operation }) => operation.kind !== 'read') ?? own.at(-1)
  }
}

const isWrite = ({ operation }: CollectionRequest) => operation === 'add' || operation === 'upsert'

function phaseOf(request: CollectionRequest, progress: Progress): Phase | undefined {
  const { operation, written, deletes } = progress
  const writes = operation.kind !== 'read'
  if (request.collection === ANNOUNCED_IN) {
    if (!isWrite(request) || !writes) return undefined
    return written.size + deletes > 0 ? 'announcement, second' : 'announcement, first'
  }
  if (!SHARD.test(request.collection)) return undefined
  if (request.operation === 'query') return 'read of the index'
  if (request.operation === 'get') return writes ? 'look-up' : 'read of the table'
  if (!writes) return undefined
  if (request.operation === 'delete') {
    if (operation.kind !== 'delete') return 'clean-up'
    return deletes === 0 ? 'deletion, first request' : 'deletion, later request'
  }
  return isWrite(request) ? writePhase(request, progress) : undefined
}

function writePhase({ body }: CollectionRequest, progress: Progress): Phase {
  const own = (body.documents ?? []).filter(text => parseText(text) !== undefined)
  const isFirst = progress.written.size === 0
  const isLast = new Set([...progress.written, ...own]).size >= progress.operation.chunks
  if (isFirst) return isLast ? 'write, only request' : 'write, first request'
  return isLast ? 'write, last request' : 'write, middle request'
}
