import { STORED } from '../api/stored.ts'
import type { Acknowledged, Asked, OpenWrite } from './acknowledged.ts'
import type { KillableApi } from './killable-api.ts'
import type { Operation, OperationPhases } from './phases.ts'

/** What was sent to Chroma by one who is gone has its effect within so many milliseconds, or none. */
export const LAST_EFFECT = 2000
/** A write whose caller has left ends by itself within so many milliseconds. */
const ENDS_ALONE = 60_000

/** A request to the API. */
export interface Call {
  kind: Operation['kind']
  creator: string
  version?: number
  chunks?: number
  method?: string
  path: string
  body?: unknown
}

/** An answer to a reader, and when it was asked for and came. */
export interface ReadAnswer extends Asked {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: every route answers something else, and is judged by its caller
  body: any
}

/** Statuses that say how a document is: there, gone, or another since its page before. */
const ANSWERS: ReadonlySet<number> = new Set([200, 404, 409])

/** Sends requests to one API, and remembers what it acknowledged. */
export class ApiCalls {
  readonly api: KillableApi
  /** What was said in place of the last answer that did not come. */
  lastFailure = 'nothing'
  readonly #phases: OperationPhases
  readonly #model: Acknowledged
  readonly #token: string
  /** Writes that go on without a caller. */
  readonly #left: OpenWrite[] = []

  constructor(api: KillableApi, phases: OperationPhases, model: Acknowledged, token: string) {
    this.api = api
    this.#phases = phases
    this.#model = model
    this.#token = token
    api.onKill.push(() => {
      for (const write of this.#left.splice(0)) write.endWithin(LAST_EFFECT)
    })
  }

  /** @returns whether it was acknowledged */
  async write(call: Call, document: string, version: number | undefined): Promise<boolean> {
    await this.api.whenRunning()
    const write = this.#model.begin(call.creator, document, version)
    const hangUp = new AbortController()
    try {
      const { status, body } = await this.#send(call, hangUp)
      const isDone = STORED.includes(status)
      if (isDone) write.acknowledge()
      else {
        write.endWithin(LAST_EFFECT)
        this.lastFailure = `${status} ${JSON.stringify(body)}`
      }
      return isDone
    } catch {
      write.endWithin(hangUp.signal.aborted ? ENDS_ALONE : LAST_EFFECT)
      if (hangUp.signal.aborted) this.#left.push(write)
      return false
    }
  }

  /** @returns undefined when there was no answer, or an error */
  async read(asked: string, call: Call): Promise<ReadAnswer | undefined> {
    await this.api.whenRunning()
    const { name: process } = this.api
    const begin = this.#model.now()
    const answer = await this.#send(call, new AbortController()).catch(error => {
      this.lastFailure = String(error)
    })
    if (!answer) return undefined
    if (!ANSWERS.has(answer.status)) {
      this.lastFailure = `${answer.status} ${JSON.stringify(answer.body)}`
      return undefined
    }
    this.#model.answers += 1
    return { ...answer, process, asked, creator: call.creator, begin, end: this.#model.now() }
  }

  async #send(
    { kind, creator, version, chunks = 0, method = 'GET', path, body }: Call,
    caller: AbortController,
  ) {
    const hangUp = () => caller.abort()
    const versions = new Set(version === undefined ? [] : [version])
    const end = this.#phases.begin({ kind, creators: [creator], versions, chunks, hangUp })
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
