import type { Failure } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings.ts'
import type { Millis } from '../../infra/units.ts'
import type { Part } from '../toolchain/toolchain.ts'

/** What the commands do for a target alone. */
export interface TargetCommands {
  /** What its servers are made of on this machine, beside Pulumi. */
  tools: readonly Part[]
  /** Requires, before an update, what the program itself does not ask for. */
  beforeUp(settings: Settings): Promise<void>
  /** Looks whether an update that began then waits in vain. */
  findHopeless(settings: Settings, since: Millis): Promise<Failure | undefined>
  status(settings: Settings): Promise<ServerStatus[]>
  /** Ends what a killed update left behind that is not in the state. */
  sweep(settings: Settings): Promise<void>
  /** Deletes data and models, and all else that `destroy` has kept. @returns what is gone, for people */
  purge(settings: Settings): Promise<string>
  /** What `down` leaves in place, for people. */
  kept(settings: Settings): string
}

/** A server, seen where it runs and not in the state. */
export interface ServerStatus {
  name: string
  url: string
  running: boolean
  pid: number | null
  /** For people: `process 4711`, `ready`, `does not run`. */
  state: string
  /** Where its log is: a file, or the command that shows it. */
  log: string
}
