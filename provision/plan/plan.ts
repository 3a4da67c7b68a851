import { demandOf } from '../../infra/capacity/demand.ts'
import { readMachine } from '../../infra/capacity/machine.ts'
import {
  catalogArchitecture,
  describeVerdict,
  planStack,
  requireFit,
  type StackPlan,
} from '../../infra/capacity/stack-plan.ts'
import { reasonOf } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings.ts'
import { heldMemory } from '../processes/held.ts'
import { PINS } from '../toolchain/parts.ts'
import { thisMachine } from './machine-reader.ts'

/** The plan of a stack on this machine, to which what the stack itself holds already counts as free. */
export async function planHere(settings: Settings): Promise<StackPlan> {
  const node = await readMachine(thisMachine, settings.home)
  const held = { [node.name]: { memory: await heldMemory(settings), disk: 0 } }
  return planStack(demandOf(settings, PINS.ollama.version, catalogArchitecture), [node], held)
}

/** Leave to deploy: the verdict, or the warning that goes with deploying all the same. */
export interface Leave {
  /** Absent when none could be made, and the stack says to deploy all the same. */
  plan?: StackPlan
  verdict: string
  warning?: string
}

/**
 * Plans a stack and refuses one that cannot fit, or cannot be planned, unless it says `deployUnfit`.
 * @throws Failure with the numbers and what would fit instead
 */
export async function leaveToDeploy(settings: Settings): Promise<Leave> {
  const plan = await planHere(settings).catch(error => {
    if (!settings.deployUnfit) throw error
    return reasonOf(error)
  })
  if (typeof plan === 'string') return overridden(plan)
  const verdict = describeVerdict(plan)
  if (!settings.deployUnfit) requireFit(plan)
  return { plan, ...(settings.deployUnfit ? overridden(verdict) : { verdict }) }
}

const overridden = (verdict: string) => ({
  verdict,
  warning: `WARNING: deployUnfit is set: this is deployed whatever the plan says. ${verdict}`,
})
