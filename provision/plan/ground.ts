import { readMachine } from '../../infra/capacity/machine.ts'
import type { HeldNow } from '../processes/held.ts'
import type { Ground } from '../targets/target.ts'
import { thisMachine } from './machine-reader.ts'

/**
 * This machine, for a stack that is to run on it.
 * @param home folder on the file system that data and models go to
 */
export async function groundHere(home: string, { pids, memory }: HeldNow): Promise<Ground> {
  const node = await readMachine(thisMachine, home, pids)
  return { nodes: [node], held: { [node.name]: { memory, disk: 0 } } }
}
