import { placesOf } from '../../infra/local/local-servers.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { requireFree } from './free-port.ts'
import { isAlive, readProcessRecord } from './process-record.ts'

/**
 * Requires, before anything starts, that each port is free or taken by this stack's own process.
 * @throws Failure `unavailable` that names who has the port
 */
export async function requireOwnPorts(settings: Settings): Promise<void> {
  for (const { port, program, record } of placesOf(settings)) {
    const running = await readProcessRecord(record)
    if (running === undefined || !isAlive(running)) await requireFree(port, program)
  }
}
