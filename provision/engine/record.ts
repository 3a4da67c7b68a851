import { join } from 'node:path'
import { localPaths } from '../../infra/local/paths.ts'
import { processStart } from '../process-identity.mjs'
import { readRecord, removeRecord, writeRecord } from '../processes/record.ts'
import { stopProcess } from '../processes/stop.ts'

/**
 * The engine at work on a stack, written down beside its state until it has ended under the eyes of its command.
 * One that did not was killed, or its command was and it works on: it holds the lock on the state.
 */
export class EngineRecord {
  readonly #file: string

  constructor(home: string) {
    this.#file = join(localPaths(home).state, 'engine.json')
  }

  async begin(pid: number | undefined): Promise<void> {
    if (pid === undefined) return
    await writeRecord(this.#file, { pid, identity: processStart(pid) ?? 'ended' })
  }

  end = (): Promise<void> => removeRecord(this.#file)

  /**
   * Ends an engine that was left behind. No other of ours is at work: the stack has a lock of our own.
   * @param unlock takes its lock on the state away
   */
  async clearUp(unlock: () => Promise<unknown>): Promise<void> {
    const left = await readRecord(this.#file)
    if (left === undefined) return
    await stopProcess(left)
    await unlock()
    await this.end()
  }
}
