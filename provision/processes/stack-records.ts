import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { placesOf } from '../../infra/local/local-servers.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { requireFree } from './free-port.ts'
import { isAlive, readProcessRecord } from './process-record.ts'

/** The records of all processes that a stack has started, also of servers that its settings no longer name. */
export async function recordsOf({ home }: Settings): Promise<string[]> {
  const { processes } = localPaths(home)
  const files = await readdir(processes).catch(() => [])
  return files.filter(file => file.endsWith('.json')).map(file => join(processes, file))
}

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
