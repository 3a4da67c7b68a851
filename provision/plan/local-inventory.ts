import { execFile } from 'node:child_process'
import type { StatsFs } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { availableParallelism, freemem } from 'node:os'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { type MachineReader, readMachine } from '../../infra/capacity/hardware/machine.ts'
import { seconds } from '../../infra/units.ts'
import type { ProcessUsage } from '../processes/process-usage.ts'
import type { HardwareInventory } from '../targets/target.ts'

const run = promisify(execFile)

/** nvidia-smi can hang on a broken driver. */
const COMMAND_TIMEOUT = seconds(10)

/** Reads the machine that this process runs on. */
const thisMachine: MachineReader = {
  readFile: path => readFile(path, 'utf8'),
  exec: async (command, args) => (await run(command, args, { timeout: COMMAND_TIMEOUT })).stdout,
  cpus: availableParallelism,
  freeMemory: freemem,
  async freeDisk(path) {
    const { bavail, bsize } = await statfsOfNearest(path)
    return bavail * bsize
  },
}

/** A folder that is not there yet will be made on the file system of its nearest parent. */
async function statfsOfNearest(path: string): Promise<StatsFs> {
  try {
    return await statfs(path)
  } catch (error) {
    if (dirname(path) === path) throw error
    return statfsOfNearest(dirname(path))
  }
}

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
