import type { Outputs } from '../../infra/outputs.ts'
import type { World } from './world.ts'

/** A way in which a deployment can be wrong, made real, and the checks that must catch it. */
export interface Defect {
  /** What is wrong, as a row of docs/verification.md says it. */
  defect: string
  /** What was done to a sound deployment. */
  done: string
  /** The checks that fail, in their order; every other one passes or could not be made. */
  caughtBy: readonly [string, ...string[]]
  /** What the first of them says: it names what is wrong. */
  says: RegExp
  /** Only a verification that looks at everything finds it. */
  deep?: true
  /** Makes it, in front of the servers or in them. */
  make(world: World): Promise<Made> | Made
}

export interface Made {
  /** The outputs of the deployment, where the defect is in them. */
  outputs?: Outputs
  /** Takes back what was done to the servers themselves. */
  mend?: () => Promise<unknown>
}
