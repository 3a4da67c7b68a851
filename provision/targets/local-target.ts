import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { loopbackUrl, placesOf } from '../../infra/local/local-servers.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import { besideProcess } from '../chroma-files/beside-process.ts'
import { localInventory } from '../plan/local-inventory.ts'
import { isAlive, readProcessRecord, removeProcessRecord } from '../processes/process-record.ts'
import { stackUsage } from '../processes/process-usage.ts'
import { recordsOf, requireOwnPorts } from '../processes/stack-records.ts'
import { stopProcess } from '../processes/stop-process.ts'
import type { TargetCommands } from './target.ts'

/** Processes on this machine. */
export const local: TargetCommands = {
  tools: ['chroma', 'ollama'],

  preflight: async () => undefined,

  // It lies in the home folder, which says so.
  dataLayout: async () => undefined,

  // All that is in the home folder, whose owner is known by now.
  requireOwn: async () => [],

  inventory: async settings => localInventory(settings.home, await stackUsage(settings)),

  beforeUp: requireOwnPorts,

  // The provider sees a process end, and says so itself.
  findHopeless: async () => undefined,

  status: settings =>
    Promise.all(
      placesOf(settings).map(async place => {
        const recorded = await readProcessRecord(place.record)
        const pid = recorded !== undefined && isAlive(recorded) ? recorded.pid : null
        const { name, log, record } = place
        const running = pid !== null
        return {
          name,
          url: loopbackUrl(place),
          running,
          pid,
          // It is written when the process was started.
          since: running ? (await stat(record)).mtime.toISOString() : null,
          state: running ? `process ${pid}` : 'does not run',
          log,
        }
      }),
    ),

  besideData: besideProcess,

  async readLogs({ home }, hand) {
    const { logs } = localPaths(home)
    const entries = await readdir(logs, { recursive: true, withFileTypes: true })
    for (const entry of entries.filter(entry => entry.isFile())) {
      hand(await readFile(join(entry.parentPath, entry.name)), entry.name)
    }
  },

  async sweep(settings, _owner, isKnown) {
    for (const record of (await recordsOf(settings)).filter(file => !isKnown?.(file))) {
      const running = await readProcessRecord(record)
      if (running !== undefined) await stopProcess(running)
      await removeProcessRecord(record)
    }
  },

  purgeable: async () => '',
  purge: async () => [],

  kept: ({ home }) => `data and models stay in ${home}`,
}
