import type { Node } from '../../infra/capacity/hardware.ts'
import type { Held } from '../../infra/capacity/plan.ts'
import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import type { Failure } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings.ts'
import type { Millis } from '../../infra/units.ts'
import type { Part } from '../toolchain/toolchain.ts'

/** What is done for a target alone, by the commands and before the program deploys. */
export interface TargetCommands {
  /** What its servers are made of on this machine, beside Pulumi. */
  tools: readonly Part[]
  /**
   * Requires, before anything is planned or made, what would else be found out too late: that the target takes the
   * stack, and that data which is there stays where it is looked for.
   * @throws Failure that names the object or setting and what is wrong with it
   */
  preflight(settings: Settings): Promise<void>
  /** Where a stack is planned. */
  ground(settings: Settings): Promise<Ground>
  /**
   * Requires that the machines can give what is planned on them, as far as the plan does not know.
   * @returns a warning for what they cannot, where the stack runs all the same
   */
  requirePlanned(plan: StackPlan): Promise<string | undefined>
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

/** The machines of a plan. */
export interface Ground {
  nodes: Node[]
  /** What the stack holds on them already, by their names, which a new deployment gives back first. */
  held: Held
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
