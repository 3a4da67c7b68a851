import { readFile } from 'node:fs/promises'
import { placesOf } from '../../infra/local/local-servers.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Bytes, KiB } from '../../infra/units.ts'
import { isAlive, readProcessRecord } from './process-record.ts'
import { processesOfGroup } from './process-table.ts'

/** What servers and their runners hold now. */
export interface ProcessUsage {
  pids: ReadonlySet<string>
  /** Only memory of their own (RssAnon) counts: pages of files are free to everybody already. */
  memory: Bytes
}

/** What the stack's own hold, which a new deployment gives back first. */
export const stackUsage = (settings: Settings): Promise<ProcessUsage> =>
  usageOfRecords(placesOf(settings).map(({ record }) => record))

/**
 * @param files records of the servers' processes
 * @returns nothing where the system does not tell (anything but Linux)
 */
export async function usageOfRecords(files: readonly string[]): Promise<ProcessUsage> {
  const records = await Promise.all(files.map(readProcessRecord))
  const running = records.filter(record => record !== undefined).filter(isAlive)
  return usageOfProcesses(running.flatMap(({ pid }) => processesOfGroup(pid)).map(String))
}

/** What a recorded server holds with its runners; for the check models-planned. */
export const memoryOfProcess = async (record: string): Promise<Bytes> =>
  (await usageOfRecords([record])).memory

/** What these processes hold together. */
export async function usageOfProcesses(pids: readonly string[]): Promise<ProcessUsage> {
  const held = await Promise.all(pids.map(anonymous))
  return { pids: new Set(pids), memory: held.reduce((sum, bytes) => sum + bytes, 0) }
}

async function anonymous(pid: string): Promise<Bytes> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * KiB
}
