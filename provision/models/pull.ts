import { setTimeout as sleep } from 'node:timers/promises'
import type { ProgressResponse } from 'ollama'
import { reasonOf } from '../../infra/failure.ts'
import { formatDuration, type Millis, seconds } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import { clientOf, type OllamaStore } from './provisioning-client.ts'
import { PullProgress } from './pull-progress.ts'
import { serverFailure } from './server-failure.ts'
import { SourceProblem } from './source-problem.ts'

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
export async function pull(wanted: Pull, server: OllamaStore, task: Task): Promise<void> {
  let best = new PullProgress()
  let fruitless = 0
  let leftovers = 0
  for (;;) {
    const attempt = new Attempt(wanted, server, task)
    try {
      return await attempt.run()
    } catch (error) {
      task.signal.throwIfAborted()
      const failure = await serverFailure(error, wanted.name, server)
      // Hashing a large model on a slow disk says nothing for so long that fetch gives up on the answer: the
      // next try finds it done, or finds no server.
      if (failure && !attempt.verifying) throw failure

      const reason = attempt.stalled ?? reasonOf(error)
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
  readonly transfer = new PullProgress()
  /** Why it was cut off. */
  stalled: string | undefined
  /** Everything is there and being checked by Ollama, which can take long and reports nothing. */
  verifying = false
  readonly #wanted: Pull
  readonly #server: OllamaStore
  readonly #task: Task

  constructor(wanted: Pull, server: OllamaStore, task: Task) {
    this.#wanted = wanted
    this.#server = server
    this.#task = task
  }

  async run(): Promise<void> {
    const { name, insecure, stall } = this.#wanted
    const cut = new AbortController()
    const cutOff = (reason: string) => () => {
      this.stalled = reason
      cut.abort()
    }
    const connect = Math.min(CONNECT_WITHIN, stall)
    let watch = setTimeout(cutOff(`no answer within ${formatDuration(connect)}`), connect)
    try {
      const client = clientOf(this.#server, AbortSignal.any([this.#task.signal, cut.signal]))
      for await (const news of await client.pull({ model: name, insecure, stream: true })) {
        const isFurther = this.#take(news)
        if (isFurther || this.verifying) clearTimeout(watch)
        if (isFurther && !this.verifying) {
          watch = setTimeout(cutOff(`no new byte for ${formatDuration(stall)}`), stall)
        }
      }
    } finally {
      clearTimeout(watch)
    }
  }

  /** @returns whether a blob was announced or got further */
  #take({ status, digest, completed = 0, total = 0 }: News): boolean {
    if (digest === undefined) {
      this.verifying = this.transfer.total > 0
      this.#task.report(status)
      return false
    }
    const isFirst = this.transfer.total === 0
    const isNew = this.transfer.update(digest, completed, total, performance.now())
    this.#task.report(this.transfer.describe())
    return isNew || isFirst
  }
}

/** A line of the answer to /api/pull: a blob's has digest and sizes, others only say what is done. */
type News = Pick<ProgressResponse, 'status'> & Partial<ProgressResponse>
