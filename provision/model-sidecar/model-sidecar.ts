import { setTimeout as sleep } from 'node:timers/promises'
import type { Inference } from '../../checks/inference/inference.ts'
import { Failure, markedLine, reasonOf } from '../../infra/failure.ts'
import { formatDuration, type Millis, minutes, seconds } from '../../infra/units.ts'
import { describeProvisioned, provisionFromArgs } from '../models/provision-model.ts'
import type { Steps } from '../steps/steps.ts'
import { proveModel, whatIsWrong } from './prove-answer.ts'
import type { SidecarConfig, SidecarModel } from './sidecar-config.ts'

/** Between two looks at models that are well. */
const LOOK_EVERY: Millis = seconds(10)
/** Looks in a row without an answer: a server that is busy is let be. */
const SILENT_LOOKS = 3
/** Before the next try after so many that failed; the last holds from then on. */
const PAUSES: readonly Millis[] = [seconds(2), seconds(10), minutes(1)]
/** Tries after which it is said for those who wait that it will not do by itself. */
const TRIES = 3

/**
 * Sees to it that an Ollama has its models, and knows whether it has. It never gives up: a mirror that comes back,
 * a disk that was enlarged, a server that starts again make the models ready without anybody's doing.
 */
export class ModelSidecar {
  readonly #config: SidecarConfig
  readonly #inference: Inference
  readonly #steps: Steps
  readonly #signal: AbortSignal
  #problem: string | undefined = 'The models are being obtained'

  constructor(config: SidecarConfig, inference: Inference, steps: Steps, signal: AbortSignal) {
    this.#config = config
    this.#inference = inference
    this.#steps = steps
    this.#signal = signal
  }

  /** Why the models are not ready; undefined when they are. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Ends with the signal's reason. */
  async run(): Promise<never> {
    for (;;) {
      await this.#makeReady()
      this.#problem = undefined
      this.#steps.note('Ready')
      this.#problem = await this.#watch()
      this.#steps.note(`Not ready: ${this.#problem}`)
    }
  }

  async #makeReady(): Promise<void> {
    for (let failed = 0; ; ) {
      try {
        for (const wanted of this.#config.models) await this.#make(wanted)
        return
      } catch (error) {
        this.#signal.throwIfAborted()
        failed += 1
        this.#problem = reasonOf(error)
        this.#steps.note(failed >= TRIES || isFinal(error) ? markedLine(error) : this.#problem)
        const pause = PAUSES[Math.min(failed, PAUSES.length) - 1]!
        this.#steps.note(`Trying again in ${formatDuration(pause)}`)
        await sleep(pause, undefined, { signal: this.#signal })
      }
    }
  }

  async #make({ args, model }: SidecarModel): Promise<void> {
    await this.#steps.run(model.name, task => provisionFromArgs(args, task), describeProvisioned)
    await this.#steps.run(
      model.serves,
      ({ signal }) => proveModel(this.#inference, model, this.#config, signal),
      () => 'answers',
    )
  }

  /** @returns what has become wrong */
  async #watch(): Promise<string> {
    for (let silent = 0; ; ) {
      await sleep(LOOK_EVERY, undefined, { signal: this.#signal })
      try {
        const wrong = await this.#look()
        if (wrong !== undefined) return wrong
        silent = 0
      } catch (error) {
        this.#signal.throwIfAborted()
        silent += 1
        if (silent >= SILENT_LOOKS) return reasonOf(error)
      }
    }
  }

  async #look(): Promise<string | undefined> {
    for (const { model } of this.#config.models) {
      const wrong = await whatIsWrong(this.#inference, model, this.#config, this.#signal)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }
}

/** Another try would find the same: a digest that differs from the lock's, a wrong setting. */
const isFinal = (error: unknown): boolean =>
  error instanceof Failure && (error.kind === 'refused' || error.kind === 'misused')
