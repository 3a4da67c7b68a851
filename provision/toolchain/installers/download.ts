import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import pRetry, { AbortError } from 'p-retry'
import { Failure, reasonOf } from '../../../infra/failure.ts'
import { formatBytes, type Millis } from '../../../infra/units.ts'
import type { Task } from '../../progress.ts'
import { TransferProgress } from '../../transfer-progress.ts'
import { transfer } from './download-progress.ts'

export interface Download {
  /** Names it in progress: `Ollama 0.17.4`. */
  what: string
  url: string
  /** What an earlier run left there is gone on with. */
  file: string
  sha256: string
  stallAfter: Millis
}

/** A connection that broke off or stalled is tried again from where it ended. */
const RETRIES = { retries: 4, minTimeout: 200, maxTimeout: 2000 }

/**
 * Loads a file over HTTP and checks its sha256. One process at a time may load to the same file.
 * @throws Failure `unavailable`: the server cannot be reached, refuses, stalls, or what it has is another file
 */
export async function download(
  { what, url, file, sha256, stallAfter }: Download,
  task: Task,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  task.report(`downloading ${what}: connecting`)
  const progress = new TransferProgress()
  const onProgress = (done: number, total: number | undefined) => {
    if (total !== undefined) progress.update(file, done, total, performance.now())
    const amount = total === undefined ? formatBytes(done) : progress.describe()
    task.report(`downloading ${what}: ${amount}`)
  }
  const attempt = async () => {
    const began = existsSync(file)
    await transfer({ url, file, stallAfter, onProgress }, task.signal)
    const seen = await sha256Of(file)
    if (seen === sha256) return
    await rm(file)
    const wrong = `has sha256 ${seen}, its list of checksums says ${sha256}`
    // Where a part was there before, the part may be to blame, and the whole comes right.
    throw began ? new Error(wrong) : new AbortError(wrong)
  }
  try {
    await pRetry(attempt, { ...RETRIES, signal: task.signal })
  } catch (error) {
    task.signal.throwIfAborted()
    throw new Failure('unavailable', `${url}: ${reasonOf(error)}`, { cause: error })
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
