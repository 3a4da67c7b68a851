import { creatorPath, documentPath } from '../api/api.ts'
import type { Acknowledged } from './acknowledged.ts'
import { type AnsweredChunk, faultsOfHits, shownIn } from './answer-shapes.ts'
import type { ApiCalls } from './api-calls.ts'
import { documentOf } from './chunk-texts.ts'
import { type CreatorPlan, documentsOf } from './creators.ts'

/** Chunks of a page of a document, and hits of a query: what the API gives at most. */
const PAGE = 500
const HITS = 100

/** Calls one API, and holds each answer to what was acknowledged. */
export class Caller {
  readonly calls: ApiCalls
  readonly #model: Acknowledged

  constructor(calls: ApiCalls, model: Acknowledged) {
    this.calls = calls
    this.#model = model
  }

  /** @returns whether it was acknowledged */
  put({ creator }: CreatorPlan, document: string, count: number): Promise<boolean> {
    const version = this.#model.nextVersion()
    const body = documentOf(version, count)
    const path = documentPath(creator, document)
    return this.calls.write(
      { kind: 'put', creator, version, chunks: count, method: 'PUT', path, body },
      document,
      version,
    )
  }

  delete({ creator }: CreatorPlan, document: string): Promise<boolean> {
    const path = documentPath(creator, document)
    return this.calls.write(
      { kind: 'delete', creator, method: 'DELETE', path },
      document,
      undefined,
    )
  }

  /** All pages of a document, which are those of one version. @returns whether it was answered */
  async get({ creator }: CreatorPlan, document: string): Promise<boolean> {
    const all: AnsweredChunk[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const isFirst = cursor === ''
      const after = isFirst ? '' : `&cursor=${cursor}`
      const path = `${documentPath(creator, document)}?limit=${PAGE}${after}`
      const answer = await this.calls.read(`get ${document}`, { kind: 'read', creator, path })
      if (answer === undefined) return false
      const { status, body, ...when } = answer
      // Gone, or another than a moment ago.
      if (status !== 200 && !isFirst) return true
      const found: AnsweredChunk[] = status === 404 ? [] : body.chunks
      const own = found.map(chunk => ({ ...chunk, document, metadata: body.metadata }))
      all.push(...own)
      const isAll = isFirst && (status === 404 || body.next === null)
      cursor = status === 404 ? null : body.next
      const { versions, faults } = shownIn(own, isAll)
      for (const fault of faults) this.#model.fault(when, fault)
      if (faults.length === 0) this.#model.shown(when, [document], versions)
      if (cursor === null && !isAll) {
        for (const fault of shownIn(all, true).faults)
          this.#model.fault(when, `all pages: ${fault}`)
      }
    }
    return true
  }

  /**
   * Asks for what is nearest.
   * @param selection documents, or a filter that lets all of them through
   * @returns the hits, undefined when it was not answered
   */
  async query(
    plan: CreatorPlan,
    vector: number[],
    selection: { documents?: string[]; filter?: object } = {},
  ): Promise<AnsweredChunk[] | undefined> {
    const { creator } = plan
    const path = creatorPath(creator, 'query')
    const call = { method: 'POST', path, body: { vector, count: HITS, ...selection } }
    const asked = `query ${JSON.stringify(selection)}`
    const answer = await this.calls.read(asked, { kind: 'read', creator, ...call })
    if (answer === undefined) return undefined
    const { body, ...when } = answer
    const hits: AnsweredChunk[] = body.hits
    const isAll = hits.length < HITS
    const { versions, faults } = shownIn(hits, isAll)
    for (const fault of [...faults, ...faultsOfHits(hits, vector)]) this.#model.fault(when, fault)
    const selected = selection.documents ?? documentsOf(plan)
    if (faults.length === 0) {
      this.#model.shown(when, isAll ? selected : [...versions.keys()], versions)
    }
    return hits
  }

  async list(plan: CreatorPlan): Promise<boolean> {
    const { creator } = plan
    const path = creatorPath(creator, 'documents')
    const answer = await this.calls.read('listing', { kind: 'read', creator, path })
    if (answer === undefined) return false
    const listed: AnsweredChunk[] = answer.body.documents
    const versions = new Map(
      listed.map(({ document, metadata }) => [document, Number(metadata.version)]),
    )
    if (versions.size < listed.length) this.#model.fault(answer, 'a document is listed twice')
    else this.#model.shown(answer, documentsOf(plan), versions)
    return true
  }
}
