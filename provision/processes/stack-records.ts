import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'

/** The records of all processes that a stack has started, also of servers that its settings no longer name. */
export async function recordsOf({ home }: Settings): Promise<string[]> {
  const { processes } = localPaths(home)
  const files = await readdir(processes).catch(() => [])
  return files.filter(file => file.endsWith('.json')).map(file => join(processes, file))
}
