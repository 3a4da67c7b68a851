import { demandOf } from '../../infra/capacity/demand.ts'
import { readMachine } from '../../infra/capacity/machine.ts'
import { catalogArchitecture, planStack, type StackPlan } from '../../infra/capacity/stack-plan.ts'
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
