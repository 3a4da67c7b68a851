import type { BesideReport, BesideRequest } from '../../checks/chroma-files/beside-data.ts'
import type { Resharded } from '../../checks/reshard/reshard.ts'
import type { CurrentUsage } from '../../infra/capacity/capacity-plan.ts'
import type { Node } from '../../infra/capacity/hardware/hardware.ts'
import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import type { Failure } from '../../infra/failure.ts'
import type { Layout } from '../../infra/ownership/data-layout.ts'
import type { Owner } from '../../infra/ownership/owner.ts'
import type { ClaimSizes } from '../../infra/servers/target-component.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Millis } from '../../infra/units.ts'
import type { Claim } from '../ownership/claim.ts'
import type { Task } from '../progress.ts'
import type { MoveRequest } from '../reshard/move-request.ts'
import type { ToolName } from '../toolchain/toolchain.ts'

/** What is done for a target alone, by the commands and before the program deploys. */
export interface TargetCommands {
  /** What its servers are made of on this machine, beside Pulumi. */
  tools: readonly ToolName[]
  /**
   * Requires, before anything is planned or made, what would else be found out too late: that the target takes the
   * stack, and that data which is there stays where it is looked for.
   * @throws Failure that names the object or setting and what is wrong with it
   */
  preflight(settings: Settings): Promise<void>
  /** Where a stack is planned. */
  inventory(settings: Settings): Promise<HardwareInventory>
  /** How the data is laid out, as it says itself where it lies; undefined where there is none, or it does not say. */
  dataLayout(settings: Settings): Promise<Partial<Layout> | undefined>
  /**
   * Requires, before an update, that the stack's places are its own.
   * @returns names of what is its own and does not say so
   * @throws Failure that names what is somebody else's
   */
  requireOwn(settings: Settings, claim: Claim): Promise<string[]>
  /**
   * Requires that the machines can give what is planned on them, as far as the plan does not know.
   * @returns a warning for what they cannot, where the stack runs all the same
   */
  requirePlanned?(plan: StackPlan): Promise<string | undefined>
  /**
   * Compares the claims that are there with what is planned for them.
   * @returns what they are to be asked for, with a warning for each that stays smaller
   * @throws Failure where data would have to move
   */
  sizeClaims?(
    settings: Settings,
    plan: StackPlan,
  ): Promise<{ claimSizes: ClaimSizes; warnings: string[] }>
  /** Requires, before an update, what the program itself does not ask for. */
  beforeUp?(settings: Settings): Promise<void>
  /** Looks whether an update that began then waits in vain. */
  findHopeless(settings: Settings, since: Millis): Promise<Failure | undefined>
  status(settings: Settings): Promise<ServerStatus[]>
  /** Works on the files of a Chroma server where they can be seen (checks/chroma-files/beside-data.ts). */
  besideData(
    settings: Settings,
    instance: number,
    request: Omit<BesideRequest, 'data'>,
    signal: AbortSignal,
  ): Promise<BesideReport>
  /** Moves creators from within the deployment, where that is not where this runs. */
  moveInside?(settings: Settings, request: MoveRequest, task: Task): Promise<Resharded>
  /** Hands over all that the stack's servers have said, in pieces with their names: what is kept of it. */
  readLogs(settings: Settings, hand: (piece: Uint8Array, name: string) => void): Promise<void>
  /** What the target itself says of the stack, as texts by their names, for who looks for what is wrong. */
  describe?(settings: Settings): Promise<Record<string, string>>
  /**
   * Ends what a killed update left behind: what runs, is the stack's own and not in Pulumi's state.
   * @param isKnown before an update or `destroy`: whether the state has it, by the names of Claim; what an update will
   * take over by its name stays too. Absent after `destroy`, when nothing is to be left
   */
  sweep(settings: Settings, owner: Owner, isKnown?: (name: string) => boolean): Promise<void>
  /** What a purge would delete beside the home folder, for people: `the volumes knowledge-stack-dev-chroma-0 (12 MiB)`. */
  purgeable(settings: Settings, owner: Owner): Promise<string>
  /**
   * Deletes data and models of the stack's own, and all else that `destroy` has kept, but for the home folder.
   * @returns what stays of it because others use it too, for people
   */
  purge(settings: Settings, owner: Owner): Promise<string[]>
  /** What `down` leaves in place, for people. */
  kept(settings: Settings): string
}

/** The machines of a plan. */
export interface HardwareInventory {
  nodes: Node[]
  /** What the stack holds on them already, by their names, which a new deployment gives back first. */
  usage: CurrentUsage
}

/** A server, seen where it runs and not in the state. */
export interface ServerStatus {
  name: string
  url: string
  running: boolean
  pid: number | null
  /** Since when it runs, or is ready, as ISO 8601; null where it does not, or nobody knows. */
  since: string | null
  /** For people: `process 4711`, `ready`, `does not run`. */
  state: string
  /** Where its log is: a file, or the command that shows it. */
  log: string
}
