import { loopbackUrl, placesOf } from '../../infra/local/places.ts'
import { groundHere } from '../plan/ground.ts'
import { heldNow } from '../processes/held.ts'
import { requireOwnPorts } from '../processes/preflight.ts'
import { isAlive, readRecord, removeRecord } from '../processes/record.ts'
import { recordsOf } from '../processes/records.ts'
import { stopProcess } from '../processes/stop.ts'
import type { TargetCommands } from './target.ts'

/** Processes on this machine. */
export const local: TargetCommands = {
  tools: ['chroma', 'ollama'],

  preflight: async () => undefined,

  // It lies in the home folder, which says so.
  dataLayout: async () => undefined,

  // All that is in the home folder, whose owner is known by now.
  requireOwn: async () => [],

  ground: async settings => groundHere(settings.home, await heldNow(settings)),

  requirePlanned: async () => undefined,

  beforeUp: requireOwnPorts,

  // The provider sees a process end, and says so itself.
  findHopeless: async () => undefined,

  status: settings =>
    Promise.all(
      placesOf(settings).map(async place => {
        const recorded = await readRecord(place.record)
        const pid = recorded !== undefined && isAlive(recorded) ? recorded.pid : null
        const { name, log } = place
        const state = pid === null ? 'does not run' : `process ${pid}`
        return { name, url: loopbackUrl(place), running: pid !== null, pid, state, log }
      }),
    ),

  async sweep(settings, _owner, isKnown) {
    for (const record of (await recordsOf(settings)).filter(file => !isKnown?.(file))) {
      const running = await readRecord(record)
      if (running !== undefined) await stopProcess(running)
      await removeRecord(record)
    }
  },

  purgeable: async () => '',
  purge: async () => [],

  kept: ({ home }) => `data and models stay in ${home}`,
}
