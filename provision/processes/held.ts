import { readdir, readFile } from 'node:fs/promises'
import { placesOf } from '../../infra/local/places.ts'
import type { Settings } from '../../infra/settings.ts'
import { type Bytes, KiB } from '../../infra/units.ts'
import { isAlive, readRecord } from './record.ts'

/**
 * Memory that the stack's own servers and their runners hold now, which a new deployment gives back first.
 * Only memory of their own (RssAnon) counts: pages of files are free to everybody already.
 * @returns 0 where the system does not tell (anything but Linux)
 */
export async function heldMemory(settings: Settings): Promise<Bytes> {
  const records = await Promise.all(placesOf(settings).map(({ record }) => readRecord(record)))
  const groups = new Set(
    records.flatMap(record => (record && isAlive(record) ? [`${record.pid}`] : [])),
  )
  if (groups.size === 0) return 0
  const pids = (await readdir('/proc').catch(() => [])).filter(name => /^\d+$/.test(name))
  const held = await Promise.all(
    pids.map(async pid => ((await inGroup(pid, groups)) ? anonymous(pid) : 0)),
  )
  return held.reduce((sum, bytes) => sum + bytes, 0)
}

async function inGroup(pid: string, groups: ReadonlySet<string>): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // Behind the name in parentheses: state, parent, process group.
  return groups.has(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2] ?? '')
}

async function anonymous(pid: string): Promise<Bytes> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * KiB
}
