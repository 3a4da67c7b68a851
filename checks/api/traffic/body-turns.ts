import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import fastq from 'fastq'
import { KeyedLimit } from '../../store/scope/keyed-limit.ts'

/**
 * What cannot be interrupted, one after another, with as much time for everything else between as it took: together it
 * never has more than half of this process. Callers come in turn, since each has one at a time that waits.
 */
export class BodyTurns {
  readonly #callers = new KeyedLimit(1)
  readonly #turns = fastq.promise(async (work: () => void) => {
    const started = performance.now()
    work()
    await sleep(performance.now() - started)
  }, 1)

  /** @param work must not throw */
  add(caller: string, work: () => void): void {
    void this.#callers.run(caller, () => this.#turns.push(work))
  }
}
