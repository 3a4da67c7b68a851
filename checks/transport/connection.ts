import pRetry from 'p-retry'
import { type Dispatcher, fetch as pooledFetch } from 'undici'
import type { z } from 'zod'
import { reasonOf } from '../../infra/failure.ts'
import { formatDuration, type Millis } from '../../infra/units.ts'
import { CallLimit } from './call-limit.ts'
import { refusal } from './error-response.ts'
import { type Exchange, type Fetch, pooled, poolOf, through } from './exchange.ts'
import { parseJson } from './parse-json.ts'
import { ServerError } from './server-error.ts'

export type { Fetch } from './exchange.ts'

export interface Call {
  method?: 'GET' | 'POST' | 'DELETE'
  body?: unknown
  /** Time for the whole call: waiting for a free connection, every attempt, and reading the answer. */
  deadline: Millis
  signal?: AbortSignal | undefined
  /** Whether sending it twice does no more than sending it once. Only such calls are tried again. */
  repeatable: boolean
  /** Whether it goes by the connections for writing, where there are such. */
  writes?: boolean
  /** Before each attempt: what it throws is thrown, and nothing is sent. */
  before?: (() => Promise<void>) | undefined
}

/** A call of a client library, within its deadline and its caller's signal. */
export interface OpenCall {
  /** Answers other than 2xx are thrown; the body of one is to be read before the call ends. */
  fetch: Fetch
  /** Ends what is still under way. Until then the call is kept in memory, if need be up to its deadline. */
  end(): void
}

const OVER = new DOMException('The call is over', 'AbortError')
const RETRIES = 2
const FIRST_PAUSE: Millis = 150

/** The pooled, capped way to one server. Every call has a deadline, every error is a ServerError. */
export class Connection {
  /** Where the server is, without a slash at the end. */
  readonly url: string
  /** What it is, for messages: `Chroma at http://127.0.0.1:8000`. */
  readonly label: string
  /** Go along with every request; see Reached. */
  readonly headers: Readonly<Record<string, string>>
  /** Connections of calls that do not write. */
  readonly readers: number
  readonly #pools: { reading: Dispatcher; writing: Dispatcher }
  readonly #fetch: Fetch
  readonly #exchange: { reading: Exchange; writing: Exchange }

  /**
   * @param options.maxConnections all connections at most
   * @param options.maxWriting connections that calls which write may take at most, and never more than half; all other
   * calls have the rest. For a server that takes writes one after another: more would only keep readers waiting.
   * @param options.headers go along with every request
   * @param options.fetch sends the requests in place of the pool
   */
  constructor(
    kind: 'Chroma' | 'Ollama' | 'API',
    url: string,
    options: {
      maxConnections: number
      maxWriting?: number | undefined
      headers?: Readonly<Record<string, string>>
      fetch?: Fetch | undefined
    },
  ) {
    this.url = url.replace(/\/+$/, '')
    this.headers = options.headers ?? {}
    this.label = `${kind} at ${this.url}`
    const { maxConnections, maxWriting = 0, fetch } = options
    const writers = Math.min(maxWriting, Math.floor(maxConnections / 2))
    this.readers = maxConnections - writers
    const reading = poolOf(this.url, this.readers)
    const writing = writers === 0 ? reading : poolOf(this.url, writers)
    this.#pools = { reading, writing }
    this.#fetch =
      fetch ??
      // The pool and the fetch that uses it come from one package; their types differ from the built-in in name only.
      (((url: string, init: object) =>
        pooledFetch(url, { ...init, dispatcher: reading })) as unknown as Fetch)
    const exchange = (pool: Dispatcher) =>
      fetch === undefined ? pooled(pool, this.url) : through(fetch, this.url)
    this.#exchange = { reading: exchange(reading), writing: exchange(writing) }
  }

  /**
   * One call whose answer is JSON.
   * @throws ServerError; the signal's reason when the caller gave up
   */
  async json<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    call: Call,
  ): Promise<z.output<Schema>> {
    const limit = begin(call)
    let text: string
    try {
      text = await this.#attempt(call, limit, () => this.#exchangeJson(path, call, limit))
    } finally {
      limit.release()
    }
    const parsed = schema.safeParse(parseJson(text))
    if (parsed.success) return parsed.data
    throw new ServerError(
      'faulty',
      `${this.label} answered ${path} with something else than expected`,
      { cause: parsed.error },
    )
  }

  /** Begins a call that a client library makes. Whoever does so ends it. */
  open(call: Call): OpenCall {
    const limit = begin(call)
    const signal = limit.signal()
    return {
      fetch: (input, init) =>
        this.#attempt(call, limit, () => this.#send(String(input), { ...init, signal })),
      end: () => limit.end(OVER),
    }
  }

  /** What an error met while reading an answer means: a ServerError, or the reason why the caller gave up. */
  explain(error: unknown, call: Call): unknown {
    if (call.signal?.aborted) return call.signal.reason
    if (error instanceof ServerError) return error
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      return new ServerError(
        'late',
        `${this.label} did not answer within ${formatDuration(call.deadline)}`,
      )
    }
    const why = innermost(error)
    return isBrokenConnection(error)
      ? new ServerError('unreachable', `${this.label} cannot be reached: ${why}`, { cause: error })
      : new ServerError('faulty', `${this.label} failed: ${why}`, { cause: error })
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#pools).map(pool => pool.destroy()))
  }

  async #attempt<T>(call: Call, limit: CallLimit, send: () => Promise<T>): Promise<T> {
    const once = async () => {
      await call.before?.()
      try {
        return await send()
      } catch (error) {
        throw this.explain(error, call)
      }
    }
    if (!call.repeatable) return once()
    return pRetry(once, {
      retries: RETRIES,
      minTimeout: FIRST_PAUSE,
      factor: 3,
      shouldRetry: ({ error }) => isPassing(error) && !limit.isOver,
    })
  }

  async #exchangeJson(path: string, call: Call, limit: CallLimit): Promise<string> {
    const { method = 'GET', body } = call
    const content =
      body === undefined
        ? { headers: this.headers }
        : {
            headers: { 'content-type': 'application/json', ...this.headers },
            body: JSON.stringify(body),
          }
    const exchange = call.writes ? this.#exchange.writing : this.#exchange.reading
    const { status, text } = await exchange(path, { method, limit, ...content })
    if (status >= 200 && status < 300) return text
    throw refusal(this.label, status, text)
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    const headers = { ...Object.fromEntries(new Headers(init.headers)), ...this.headers }
    const response = await this.#fetch(url, { ...init, headers })
    if (response.ok) return response
    throw refusal(this.label, response.status, await response.text())
  }
}

/** Worth another attempt: the server may be starting again, or have room in a moment. */
const isPassing = (error: unknown): boolean =>
  error instanceof ServerError && (error.reason === 'unreachable' || error.reason === 'busy')

function begin({ deadline, signal }: Call): CallLimit {
  signal?.throwIfAborted()
  return new CallLimit(deadline, signal)
}

/** fetch gives a TypeError for whatever happens to the connection, before the answer and in the middle of it. */
const isBrokenConnection = (error: unknown): boolean => error instanceof TypeError

/** fetch says no more than "fetch failed": the cause says why. */
function innermost(error: unknown): string {
  let inner = error
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  const code = (inner as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : reasonOf(inner)
}
