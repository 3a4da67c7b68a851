import { join } from 'node:path'
import { localPaths } from '../../infra/settings/home-paths.ts'
import { processStart } from '../process-identity.mjs'
import {
  readProcessRecord,
  removeProcessRecord,
  writeProcessRecord,
} from '../processes/process-record.ts'
import { stopProcess } from '../processes/stop-process.ts'

/**
 * The engine at work on a stack, written down beside its state until it has ended under the eyes of its command.
 * One that did not was killed, or its command was and it works on: it holds the lock on the state.
 */
export class EngineRecord {
  readonly #file: string
  readonly #trackingId: string

  /** @param trackingId what the engine and all that it starts carry */
  constructor(home: string, trackingId: string) {
    this.#file = join(localPaths(home).state, 'engine.json')
    this.#trackingId = trackingId
  }

  /** Before it is started. */
  begin = (): Promise<void> => writeProcessRecord(this.#file, { trackingId: this.#trackingId })

  async started(pid: number | undefined): Promise<void> {
    if (pid === undefined) return
    const identity = processStart(pid) ?? 'ended'
    await writeProcessRecord(this.#file, { trackingId: this.#trackingId, pid, identity })
  }

  end = (): Promise<void> => removeProcessRecord(this.#file)

  /**
   * Ends an engine that was left behind, with its plugins. No other of ours is at work: the stack has a lock of our own.
   * @returns whether there was one
   */
  async endLeftBehind(): Promise<boolean> {
    const left = await readProcessRecord(this.#file)
    if (left === undefined) return false
    await stopProcess(left)
    return true
  }
}
