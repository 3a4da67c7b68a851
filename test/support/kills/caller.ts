import { creatorPath, documentPath } from '../api/api.ts'
import type { Acknowledged, OpenWrite } from './acknowledged.ts'
import { type AnsweredChunk, faultsOfHits, shownIn } from './answer-shapes.ts'
import { documentOf } from './chunk-texts.ts'
import { type CreatorPlan, documentsOf } from './creators.ts'
import type { KillableApi } from './killable-api.ts'
import type { Operation, OperationPhases } from './phases.ts'

/** What was sent to Chroma by one who is gone has its effect within so many milliseconds, or none. */
export const LAST_EFFECT = 2000
/** A write whose caller has left ends by itself within so many milliseconds. */
const ENDS_ALONE = 60_000
/** Chunks of a page of a document, and hits of a query: what the API gives at most. */
const PAGE = 500
export const HITS = 100

interface Call {
  kind: Operation['kind']
  creator: string
  version?: number
  chunks?: number
  method?: string
  path: string
  body?: unknown
}

/** Calls one API, and holds each answer to what was acknowledged. */
export class Caller {
  readonly api: KillableApi
  readonly phases: OperationPhases
  readonly #model: Acknowledged
  readonly #token: string
  /** Writes that go on without a caller. */
  #left: OpenWrite[] = []

  constructor(api: KillableApi, phases: OperationPhases, model: Acknowledged, token: string) {
    this.api = api
    this.phases = phases
    this.#model = model
    this.#token = token
    api.onKill.push(() => {
      for (const write of this.#left.splice(0)) write.endWithin(LAST_EFFECT)
    })
  }

  /** @returns whether it was acknowledged */
  put({ creator }: CreatorPlan, document: string, count: number): Promise<boolean> {
    const version = this.#model.nextVersion()
    const body = documentOf(version, count)
    const path = documentPath(creator, document)
    return this.#write(
      { kind: 'put', creator, version, chunks: count, method: 'PUT', path, body },
      document,
      version,
    )
  }

  delete({ creator }: CreatorPlan, document: string): Promise<boolean> {
    const path = documentPath(creator, document)
    return this.#write({ kind: 'delete', creator, method: 'DELETE', path }, document, undefined)
  }

  /** All pages of a document: each for itself, and together when all show one version. @returns whether it was answered */
  async get({ creator }: CreatorPlan, document: string): Promise<boolean> {
    const all: AnsweredChunk[] = []
    for (let offset: number | null = 0; offset !== null; ) {
      const path = `${documentPath(creator, document)}?limit=${PAGE}&offset=${offset}`
      const answer = await this.#read(`get ${document}`, { kind: 'read', creator, path })
      if (answer === undefined) return false
      const { status, body, ...when } = answer
      // Gone, or shorter than a moment ago.
      if (status === 404 && offset > 0) return true
      const found: AnsweredChunk[] = status === 404 ? [] : body.chunks
      const own = found.map(chunk => ({ ...chunk, document, metadata: body.metadata }))
      all.push(...own)
      const isAll = offset === 0 && (status === 404 || body.next === null)
      offset = status === 404 ? null : body.next
      const { versions, faults } = shownIn(own, isAll)
      for (const fault of faults) this.#model.fault(when, fault)
      if (faults.length === 0) this.#model.shown(when, [document], versions)
      const isLast = offset === null && !isAll
      if (isLast && new Set(all.map(({ metadata }) => metadata.version)).size === 1) {
        for (const fault of shownIn(all, true).faults)
          this.#model.fault(when, `all pages: ${fault}`)
      }
    }
    return true
  }

  /** Asks for what is nearest. @returns the hits, undefined when it was not answered */
  async query(plan: CreatorPlan, vector: number[]): Promise<AnsweredChunk[] | undefined> {
    const { creator } = plan
    const path = creatorPath(creator, 'query')
    const call = { method: 'POST', path, body: { vector, count: HITS } }
    const answer = await this.#read('query', { kind: 'read', creator, ...call })
    if (answer === undefined) return undefined
    const { body, ...when } = answer
    const hits: AnsweredChunk[] = body.hits
    const isAll = hits.length < HITS
    const { versions, faults } = shownIn(hits, isAll)
    for (const fault of [...faults, ...faultsOfHits(hits, vector)]) this.#model.fault(when, fault)
    if (faults.length === 0)
      this.#model.shown(when, isAll ? documentsOf(plan) : [...versions.keys()], versions)
    return hits
  }

  async list(plan: CreatorPlan): Promise<boolean> {
    const { creator } = plan
    const path = creatorPath(creator, 'documents')
    const answer = await this.#read('listing', { kind: 'read', creator, path })
    if (answer === undefined) return false
    const listed: AnsweredChunk[] = answer.body.documents
    const versions = new Map(
      listed.map(({ document, metadata }) => [document, Number(metadata.version)]),
    )
    if (versions.size < listed.length) this.#model.fault(answer, 'a document is listed twice')
    else this.#model.shown(answer, documentsOf(plan), versions)
    return true
  }

  async #write(call: Call, document: string, version: number | undefined): Promise<boolean> {
    await this.api.whenRunning()
    const write = this.#model.begin(call.creator, document, version)
    const hangUp = new AbortController()
    try {
      const { status } = await this.#send(call, hangUp)
      if (status === 200) write.acknowledge()
      else write.endWithin(LAST_EFFECT)
      return status === 200
    } catch {
      write.endWithin(hangUp.signal.aborted ? ENDS_ALONE : LAST_EFFECT)
      if (hangUp.signal.aborted) this.#left.push(write)
      return false
    }
  }

  async #read(asked: string, call: Call) {
    await this.api.whenRunning()
    const { name: process } = this.api
    const begin = this.#model.now()
    const answer = await this.#send(call, new AbortController()).catch(() => undefined)
    if (answer === undefined || (answer.status !== 200 && answer.status !== 404)) return undefined
    this.#model.answers += 1
    return { ...answer, process, asked, creator: call.creator, begin, end: this.#model.now() }
  }

  async #send(
    { kind, creator, version, chunks = 0, method = 'GET', path, body }: Call,
    caller: AbortController,
  ) {
    const hangUp = () => caller.abort()
    const versions = new Set(version === undefined ? [] : [version])
    const end = this.phases.begin({ kind, creators: [creator], versions, chunks, hangUp })
    try {
      const answer = await fetch(this.api.url + path, {
        method,
        signal: caller.signal,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      // biome-ignore lint/suspicious/noExplicitAny: every route answers something else, and is judged by its caller
      return { status: answer.status, body: (await answer.json()) as any }
    } finally {
      end()
    }
  }
}
