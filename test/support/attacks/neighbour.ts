import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { creatorPath, documentPath } from '../api/api.ts'
import { DIMENSION } from './attack-bodies.ts'

const CREATOR = 'neighbour'
const HEALTH = '/api/v1/ai/chromadb/health'

/** One call, answered or not. */
export interface Call {
  kind: 'read' | 'write' | 'health'
  /** 0 when there was no answer. */
  status: number
  millis: number
}

/** Milliseconds between two calls: less than what one creator may send a minute. */
const PERIODS = { read: 200, write: 500, health: 500 }

/**
 * Another creator, who reads and writes all the time, one read and one write after another, and somebody who asks for
 * health.
 */
export class Neighbour {
  readonly calls: Call[] = []
  readonly #url: string
  readonly #token: string
  readonly #agent = new Agent()
  readonly #life = new AbortController()
  readonly #callers: Promise<void>[]

  /** @param token of the creator `neighbour` */
  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
    this.#callers = [
      this.#keep('read', index => READS[index % READS.length]!(index)),
      this.#keep('write', index => [
        'PUT',
        documentPath(CREATOR, `${index % 20}`),
        document(index),
      ]),
      this.#keep('health', () => ['GET', HEALTH]),
    ]
  }

  /** Ends when what it asked last is answered. */
  async stop(): Promise<void> {
    this.#life.abort()
    await Promise.all(this.#callers)
    await this.#agent.close()
  }

  async #keep(kind: Call['kind'], next: (index: number) => Request): Promise<void> {
    for (let index = 0; !this.#life.signal.aborted; index += 1) {
      const due = sleep(PERIODS[kind], undefined, { signal: this.#life.signal }).catch(() => {})
      await this.#call(kind, next(index))
      await due
    }
  }

  async #call(kind: Call['kind'], [method, path, body]: Request): Promise<void> {
    const started = performance.now()
    const status = await request(this.#url + path, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).then(
      async answer => {
        await answer.body.dump({ limit: Number.POSITIVE_INFINITY })
        return answer.statusCode
      },
      () => 0,
    )
    this.calls.push({ kind, status, millis: performance.now() - started })
  }
}

type Request = ['GET' | 'PUT' | 'POST', string, object?]

const vector = (index: number) => vectorFor(`${index % 50}`, DIMENSION)
const document = (index: number) => ({ chunks: [{ text: `${index}`, vector: vector(index) }] })

const READS: ((index: number) => Request)[] = [
  index => ['POST', creatorPath(CREATOR, 'query'), { vector: vector(index) }],
  index => ['POST', creatorPath(CREATOR, 'query'), { text: `${index}` }],
  () => ['GET', creatorPath(CREATOR, 'documents')],
  () => ['GET', documentPath(CREATOR, '0')],
]
