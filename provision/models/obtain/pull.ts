import { setTimeout as sleep } from 'node:timers/promises'
import type { ProgressResponse } from 'ollama'
import { formatDuration, type Millis, seconds } from '../../../infra/units.ts'
import type { Task } from '../../progress.ts'
import { TransferProgress } from '../../transfer-progress.ts'
import type { OllamaStore } from '../ollama-store.ts'
import { SourceProblem, serverFailure, wordsOf } from './transfer-failures.ts'

export interface Pull {
  /** The name that Ollama pulls, with host and namespace when it is not the library's. */
  name: string
  /** Plain http. */
  insecure: boolean
  /** No new byte for so long is a stall. */
  stall: Millis
}

/** For the registry to say what the model consists of. An unknown host fails at once, a silent one would not. */
const CONNECT_WITHIN: Millis = seconds(20)
/** Tries in a row that bring nothing new. What came in an earlier try is resumed by Ollama. */
const FRUITLESS_TRIES = 3
/** Ollama needs a moment to write down what came before a pull was cut off. */
const PAUSE: Millis = seconds(1)
/**
 * A pull that was cut off while Ollama paused between tries of its own lives on to the end of the pause, 32 s at
 * most (download.go), and takes every new pull of the blob down with it.
 */
const LEFTOVER = /context canceled/
const LEFTOVER_TRIES = 35

/**
 * Has Ollama pull a model. A stalled or broken transfer is taken up again while it gets further.
 * @throws SourceProblem when the registry does not have the model, cannot be reached, or gets no further
 * @throws Failure `unavailable` when Ollama itself does not answer
 */
export async function pull(wanted: Pull, store: OllamaStore, task: Task): Promise<void> {
  let best = new TransferProgress()
  let fruitless = 0
  let leftovers = 0
  for (;;) {
    const attempt = new Attempt(wanted, task.report)
    try {
      return await attempt.run(store)
    } catch (error) {
      task.signal.throwIfAborted()
      const failure = await serverFailure(error, wanted.name, store)
      // Hashing a large model on a slow disk says nothing for so long that a proxy in between may give up on the
      // answer: the next try finds it done, or finds no server.
      if (failure && !attempt.verifying) throw failure

      const reason = attempt.stalled ?? wordsOf(error)
      if (LEFTOVER.test(reason) && leftovers < LEFTOVER_TRIES) {
        leftovers += 1
        task.report('waiting for Ollama to end a pull that was cut off')
      } else {
        const isFurther = attempt.transfer.completed > best.completed
        fruitless = isFurther ? 0 : fruitless + 1
        if (isFurther || best.total === 0) best = attempt.transfer
        // Without a single blob announced, the registry has said all it has to say.
        if (best.total === 0) throw new SourceProblem(reason, { cause: error })
        const far = `${reason} (${best.describe()})`
        // A digest that is wrong twice is wrong at the source; all its bytes would be loaded once more.
        if (fruitless >= FRUITLESS_TRIES || (attempt.verifying && fruitless > 0)) {
          throw new SourceProblem(far, { cause: error })
        }
        task.report(`${far}; trying again`)
      }
      await sleep(PAUSE)
    }
  }
}

/** One request to pull, watched: it is cut off when nothing new comes for too long. */
class Attempt {
  readonly transfer = new TransferProgress()
  /** Why it was cut off. */
  stalled: string | undefined
  /** Everything is there and being checked by Ollama, which can take long and reports nothing. */
  verifying = false
  readonly #wanted: Pull
  readonly #report: Task['report']
  readonly #cut = new AbortController()
  #watch: NodeJS.Timeout | undefined

  constructor(wanted: Pull, report: Task['report']) {
    this.#wanted = wanted
    this.#report = report
  }

  async run(store: OllamaStore): Promise<void> {
    const { name, insecure, stall } = this.#wanted
    const connect = Math.min(CONNECT_WITHIN, stall)
    this.#cutOffAfter(connect, `no answer within ${formatDuration(connect)}`)
    try {
      await store.follow(
        client => client.pull({ model: name, insecure, stream: true }),
        step => this.#take(step),
        this.#cut.signal,
      )
    } finally {
      clearTimeout(this.#watch)
    }
  }

  #take({ status, digest, completed = 0, total = 0 }: Step): void {
    if (digest === undefined) {
      this.verifying = this.transfer.total > 0
      if (this.verifying) clearTimeout(this.#watch)
      this.#report(status)
      return
    }
    const isFirst = this.transfer.total === 0
    const isNew = this.transfer.update(digest, completed, total, performance.now())
    this.#report(this.transfer.describe())
    if (this.verifying || !(isNew || isFirst)) return
    const { stall } = this.#wanted
    this.#cutOffAfter(stall, `no new byte for ${formatDuration(stall)}`)
  }

  #cutOffAfter(time: Millis, reason: string): void {
    clearTimeout(this.#watch)
    this.#watch = setTimeout(() => {
      this.stalled = reason
      this.#cut.abort()
    }, time)
  }
}

/** A line of the answer to /api/pull: a blob's has digest and sizes, others only say what is done. */
type Step = Pick<ProgressResponse, 'status'> & Partial<ProgressResponse>
