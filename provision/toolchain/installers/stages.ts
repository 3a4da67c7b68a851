import type { Task } from '../../progress.ts'

/** The stages of a long way: which of how many runs. */
export class Stages {
  readonly #task: Task
  readonly #count: number
  #stage = 0

  constructor(task: Task, count: number) {
    this.#task = task
    this.#count = count
  }

  /** @returns the task of the stage that begins: `step 2 of 4: compiling Pulumi` */
  next(): Task {
    this.#stage += 1
    const step = `step ${this.#stage} of ${this.#count}`
    return { ...this.#task, report: text => this.#task.report(`${step}: ${text}`) }
  }
}
