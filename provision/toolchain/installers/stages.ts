import { formatAbout, type Millis } from '../../../infra/units.ts'
import type { Task } from '../../progress.ts'

/** The stages of a long way whose length is known from before: which one runs, and how long it goes on about. */
export class Stages {
  readonly #task: Task
  readonly #count: number
  readonly #expected: Millis
  readonly #started = performance.now()
  #stage = 0

  /** @param expected how long all of them take together */
  constructor(task: Task, count: number, expected: Millis) {
    this.#task = task
    this.#count = count
    this.#expected = expected
  }

  /** @returns the task of the stage that begins: `step 2 of 4: compiling Pulumi, about 3 min left` */
  next(): Task {
    this.#stage += 1
    const step = `step ${this.#stage} of ${this.#count}`
    const report = (text: string) => this.#task.report(`${step}: ${text}${this.#rest()}`)
    return { ...this.#task, report }
  }

  /** Nothing where it takes longer than it did before: how much longer is not known. */
  #rest(): string {
    const rest = this.#expected - (performance.now() - this.#started)
    return rest > 0 ? `, about ${formatAbout(rest)} left` : ''
  }
}
