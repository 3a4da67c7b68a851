import { ensureKeyFile } from '../../../checks/api/auth/keys.ts'
import type { ProcessArgs, ProcessState } from '../../../infra/resources.ts'
import { UNRECORDED_CHROMA } from '../../../infra/settings/chroma-version.ts'
import { requireFree } from '../../processes/free-port.ts'
import { isAlive, readProcessRecord, removeProcessRecord } from '../../processes/process-record.ts'
import { runnable } from '../../processes/program-command.ts'
import { startProcess } from '../../processes/start-process.ts'
import { stopProcess } from '../../processes/stop-process.ts'
import type { ResourceKind } from './resource-kind.ts'

/** A server as a process on this machine. Every change replaces it: the old one ends before the new one starts. */
export const processKind: ResourceKind<ProcessArgs, ProcessState> = {
  results: ['pid', 'identity', 'version'],

  // Which version it is was no argument before: it goes on running.
  upgraded: state => {
    const version = { ollama: state.version, chroma: UNRECORDED_CHROMA, api: undefined }[
      state.program
    ]
    return version === undefined ? state : { toolVersion: version, ...state }
  },

  async create(args, task) {
    // One that an update started which was killed before Pulumi wrote it down.
    const orphan = await readProcessRecord(args.record)
    if (orphan !== undefined) await stopProcess(orphan)
    await requireFree(args.port, args.program)
    const { command, version } = await runnable(args, task)
    if (args.keyFile !== undefined) await ensureKeyFile(args.keyFile)
    const running = await startProcess(command, args, task)
    return { ...args, ...running, version }
  },

  async read(state) {
    return isAlive(state) ? state : undefined
  },

  async delete(state) {
    // The record knows what the process has started, too; the state knows the process where the record is gone.
    const recorded = await readProcessRecord(state.record)
    if (recorded !== undefined) await stopProcess(recorded)
    await stopProcess(state)
    await removeProcessRecord(state.record)
  },
}
