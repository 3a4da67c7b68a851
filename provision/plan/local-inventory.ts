import { readMachine } from '../../infra/capacity/hardware/machine.ts'
import type { ProcessUsage } from '../processes/process-usage.ts'
import type { HardwareInventory } from '../targets/target.ts'
import { thisMachine } from './machine-reader.ts'

/**
 * This machine, for a stack that is to run on it.
 * @param home folder on the file system that data and models go to
 */
export async function localInventory(
  home: string,
  { pids, memory }: ProcessUsage,
): Promise<HardwareInventory> {
  const node = await readMachine(thisMachine, home, pids)
  return { nodes: [node], usage: { [node.name]: { memory, disk: 0 } } }
}
