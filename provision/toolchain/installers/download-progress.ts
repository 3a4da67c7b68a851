import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { AbortError } from 'p-retry'
import { type Bytes, formatDuration, type Millis } from '../../../infra/units.ts'

export interface DownloadProgress {
  url: string
  /** Appended to when the server goes on from where it ends (Range), else written anew. */
  file: string
  /** Give up when nothing comes for this long. */
  stallAfter: Millis
  onProgress: (done: Bytes, total: Bytes | undefined) => void
}

/** What no second try would change: nobody there, or no such name. */
const NOBODY_THERE = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']

/**
 * One try to load a file, or the rest of it.
 * @throws AbortError when another try is of no use, any other error when it may be
 */
export async function transfer(request: DownloadProgress, stop: AbortSignal): Promise<void> {
  const stall = new Stall(request.stallAfter)
  const signal = AbortSignal.any([stop, stall.signal])
  try {
    await load(request, stall, signal)
  } catch (error) {
    if (stall.signal.aborted) throw stall.signal.reason
    throw isNobodyThere(error) ? new AbortError(error) : error
  } finally {
    stall.end()
  }
}

async function load(
  { url, file, onProgress }: DownloadProgress,
  stall: Stall,
  signal: AbortSignal,
): Promise<void> {
  const present = await sizeOf(file)
  const headers = { 'accept-encoding': 'identity', ...(present && { range: `bytes=${present}-` }) }
  const response = await fetch(url, { headers, signal })
  // Nothing lies behind what is there: it is complete, or another file, which its hash will tell.
  if (response.status === 416) return
  if (response.status >= 500) throw new Error(`the server answers ${response.status}`)
  if (!response.ok) throw new AbortError(`the server answers ${response.status}`)

  const resumed = response.status === 206
  const length = response.headers.get('content-length')
  let done: Bytes = resumed ? present : 0
  const total: Bytes | undefined = length === null ? undefined : done + Number(length)
  const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>)
  body.on('data', (chunk: Uint8Array) => {
    stall.restart()
    done += chunk.length
    onProgress(done, total)
  })
  await pipeline(body, createWriteStream(file, { flags: resumed ? 'a' : 'w' }), { signal })
}

/** Aborts its signal when it was not restarted for the given time. */
class Stall {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(after: Millis) {
    const error = new Error(`stalled: nothing came for ${formatDuration(after)}`)
    this.#timer = setTimeout(() => this.#controller.abort(error), after)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  restart(): void {
    this.#timer.refresh()
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

async function sizeOf(file: string): Promise<Bytes> {
  const found = await stat(file).catch(() => undefined)
  return found?.size ?? 0
}

function isNobodyThere(error: unknown): error is Error {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && NOBODY_THERE.includes(String(cause.code))
}
