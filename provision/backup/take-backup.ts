import { hostname } from 'node:os'
import { type BackedUp, backup } from '../../checks/archive/backup.ts'
import { inspect } from '../../checks/archive/restore.ts'
import type { ArchiveStorage } from '../../checks/archive/storage.ts'
import type { BackupRecord, BackupRecords } from '../../checks/store/backup-records.ts'
import type { Knowledge } from '../../checks/store/knowledge.ts'
import { Failure } from '../../infra/failure.ts'
import type { BackupRequest } from '../../infra/servers/backup-request.ts'
import { counted, formatBytes, type Millis, seconds } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import { requireNoBackup } from './under-way.ts'

/** What is asked for of a backup, but for where it goes. */
export interface AskedBackup extends Omit<BackupRequest, 'to' | 'endpoint'> {
  /** Of one creator alone. */
  creator?: string | undefined
  /** Of this machine, for what is on its way. */
  folder: string
}

/** How often whoever makes one says that it is still at it. */
const ALIVE_EVERY: Millis = seconds(30)

/**
 * Takes a backup, and records it beside the data. What an earlier one that was killed has left in the place is deleted
 * before, and the oldest afterwards.
 * @returns with the archives that were deleted since enough newer ones are there
 * @throws Failure `unavailable` while another one is under way
 */
export async function takeBackup(
  knowledge: Knowledge,
  storage: ArchiveStorage,
  { keep, ...asked }: AskedBackup,
  { report, signal }: Task,
): Promise<BackedUp & { removed: string[] }> {
  const { backups } = knowledge
  await requireNoBackup(backups, signal)
  await clearBegun(backups, storage, signal)
  const now = new Date()
  const scope = asked.creator === undefined ? 'all' : 'creator'
  let record: BackupRecord | undefined
  const begun = async (made: Pick<BackupRecord, 'id' | 'archive'>) => {
    const place = { place: storage.name, machine: hostname() }
    const created = now.toISOString()
    record = { ...made, ...place, state: 'begun', scope, created, alive: created, records: 0 }
    await backups.put(record)
  }
  let said = Promise.resolve()
  const stayAlive = setInterval(() => {
    if (record === undefined) return
    const alive = new Date().toISOString()
    // Where it cannot be recorded, the backup itself will not get far.
    said = backups.put({ ...record, alive }).catch(() => undefined)
  }, ALIVE_EVERY)
  try {
    const done = await backup(knowledge, storage, { ...asked, now, begun, report, signal })
    clearInterval(stayAlive)
    await said
    await backups.put({ ...record!, state: 'whole', records: done.records })
    const removed = keep === undefined ? [] : await keepNewest(backups, storage, keep)
    return { ...done, removed }
  } catch (error) {
    if (record !== undefined) await forgetBegun(backups, storage, record).catch(() => undefined)
    throw error
  } finally {
    clearInterval(stayAlive)
  }
}

/** For people. */
export function describeBackup(done: BackedUp & { removed: readonly string[] }): string {
  const { archive, documents, creators, bytes, encrypted, unsettled, removed } = done
  const restless =
    unsettled === 0
      ? ''
      : `\n${counted(unsettled, 'creator')} changed whenever they were read: their documents are whole, and not all of one moment`
  return `${archive} has ${counted(documents, 'document')} of ${counted(creators, 'creator')}, ${formatBytes(bytes)}${encrypted ? ', encrypted' : ''}${restless}${removed.map(old => `\nDeleted: ${old}`).join('')}`
}

const isIn =
  ({ name, isFolder }: ArchiveStorage) =>
  ({ place, machine }: BackupRecord): boolean =>
    place === name && (!isFolder || machine === hostname())

/** Deletes what backups of this stack that are not under way any more have left in a place. */
export async function clearBegun(
  backups: BackupRecords,
  storage: ArchiveStorage,
  signal?: AbortSignal,
): Promise<void> {
  const begun = (await backups.all(signal)).filter(({ state }) => state === 'begun')
  const left = begun.filter(isIn(storage))
  for (const record of left) await forgetBegun(backups, storage, record)
}

async function forgetBegun(backups: BackupRecords, storage: ArchiveStorage, record: BackupRecord) {
  await storage.clear(record.archive)
  await backups.remove([record])
}

/**
 * Deletes the oldest backups of all creators in a place, of those that this stack took there.
 * @param keep as many stay
 * @returns the archives that are gone
 */
async function keepNewest(
  backups: BackupRecords,
  storage: ArchiveStorage,
  keep: number,
): Promise<string[]> {
  const whole = (await backups.all()).filter(
    ({ state, scope }) => state === 'whole' && scope === 'all',
  )
  const old = whole.filter(isIn(storage)).slice(0, -keep)
  const removed: string[] = []
  for (const record of old) {
    const { archive, id } = record
    const stored = storage.open(archive)
    // Who deleted it was before us, and what is there by another id is somebody else's.
    const manifest = await inspect(stored).catch(error => {
      if (error instanceof Failure && error.kind === 'misused') return undefined
      throw error
    })
    if (manifest?.id === id) {
      await stored.remove(manifest.files.map(({ name }) => name))
      removed.push(archive)
    }
    await backups.remove([record])
  }
  return removed
}
