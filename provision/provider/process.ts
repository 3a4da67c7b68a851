import { ensureKeyFile } from '../../checks/api/auth/keys.ts'
import type { ProcessArgs, ProcessState } from '../../infra/resources.ts'
import { requireFree } from '../processes/port.ts'
import { runnable } from '../processes/program.ts'
import { isAlive, readRecord, removeRecord } from '../processes/record.ts'
import { startProcess } from '../processes/start.ts'
import { stopProcess } from '../processes/stop.ts'
import type { ResourceKind } from './resource.ts'

/** A server as a process on this machine. Every change replaces it: the old one ends before the new one starts. */
export const processKind: ResourceKind<ProcessArgs, ProcessState> = {
  results: ['pid', 'identity', 'version'],

  async create(args, task) {
    // One that an update started which was killed before Pulumi wrote it down.
    const orphan = await readRecord(args.record)
    if (orphan !== undefined) await stopProcess(orphan)
    await requireFree(args.port, args.program)
    const { command, version } = await runnable(args.program, task)
    if (args.keyFile !== undefined) await ensureKeyFile(args.keyFile)
    const running = await startProcess(command, args, task)
    return { ...args, ...running, version }
  },

  async read(state) {
    return isAlive(state) ? state : undefined
  },

  async delete(state) {
    // The record knows what the process has started, too; the state knows the process where the record is gone.
    const recorded = await readRecord(state.record)
    if (recorded !== undefined) await stopProcess(recorded)
    await stopProcess(state)
    await removeRecord(state.record)
  },
}
