import { placesOf } from '../../infra/local/places.ts'
import type { Settings } from '../../infra/settings.ts'
import { requireFree } from './port.ts'
import { isAlive, readRecord } from './record.ts'

/**
 * Requires, before anything starts, that each port is free or taken by this stack's own process.
 * @throws Failure `unavailable` that names who has the port
 */
export async function requireOwnPorts(settings: Settings): Promise<void> {
  for (const { port, program, record } of placesOf(settings)) {
    const running = await readRecord(record)
    if (running === undefined || !isAlive(running)) await requireFree(port, program)
  }
}
