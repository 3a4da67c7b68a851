import type { ProcessArgs, ProcessState } from '../../infra/resources.ts'
import { requireFree } from '../processes/port.ts'
import { isAlive, readRecord, removeRecord } from '../processes/record.ts'
import { startProcess } from '../processes/start.ts'
import { stopProcess } from '../processes/stop.ts'
import { toolchainOptions } from '../toolchain/options.ts'
import { obtainTool } from '../toolchain/toolchain.ts'
import type { ResourceKind } from './resource.ts'

/** A server as a process on this machine. Every change replaces it: the old one ends before the new one starts. */
export const processKind: ResourceKind<ProcessArgs, ProcessState> = {
  results: ['pid', 'identity', 'version'],

  async create(args, task) {
    // One that an update started which was killed before Pulumi wrote it down.
    const orphan = await readRecord(args.record)
    if (orphan !== undefined) await stopProcess(orphan)
    await requireFree(args.port, args.tool)
    const tool = await obtainTool(args.tool, toolchainOptions(process.env), task)
    const running = await startProcess(tool.command, args, task)
    return { ...args, ...running, version: tool.version }
  },

  async read(state) {
    return isAlive(state) ? state : undefined
  },

  async delete(state) {
    await stopProcess(state)
    await removeRecord(state.record)
  },
}
