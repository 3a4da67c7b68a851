import { z } from 'zod'
import type { BackedUp } from '../checks/archive/backup.ts'
import { inspect } from '../checks/archive/restore.ts'
import type { ArchiveStorage } from '../checks/archive/storage.ts'
import { Failure } from '../infra/failure.ts'
import { backupsRecordOf } from '../infra/settings/home-paths.ts'
import { changeJsonRecord, readJsonIfSound } from './json-record.ts'

/** A backup that came to its end. */
const Backup = z.object({
  /** Where it was put, and where it is in there. */
  place: z.string(),
  archive: z.string(),
  id: z.uuid(),
  created: z.iso.datetime(),
  scope: z.enum(['all', 'creator']),
  records: z.int().nonnegative(),
})
export type Backup = z.infer<typeof Backup>

type BackupPlace = Pick<Backup, 'place' | 'archive' | 'created'>

const Backups = z.object({
  backups: z.array(Backup),
  /** Those that were begun: what is there of them, unless they came to their end, is what a killed command has left. */
  begun: z.array(z.object({ place: z.string(), archive: z.string() })).default([]),
})

/** The last backup of all creators; undefined where nobody took one. */
export async function lastBackup(home: string): Promise<Backup | undefined> {
  const record = await readJsonIfSound(backupsRecordOf(home), Backups)
  return record?.backups.findLast(({ scope }) => scope === 'all')
}

/** Those that were made up to a moment, in Unix seconds, of all creators or of one. */
export async function backupsBefore(home: string, second: number): Promise<BackupPlace[]> {
  const record = await readJsonIfSound(backupsRecordOf(home), Backups)
  return (record?.backups ?? [])
    .filter(({ created }) => Date.parse(created) < (second + 1) * 1000)
    .map(({ place, archive, created }) => ({ place, archive, created }))
}

export async function recordBackup(home: string, place: string, done: BackedUp): Promise<void> {
  const { archive, id, created, scope, records } = done
  const backup = { place, archive, id, created, scope, records }
  await changeJsonRecord(backupsRecordOf(home), Backups, before => ({
    backups: [...(before?.backups ?? []), backup],
    begun: (before?.begun ?? []).filter(begun => begun.archive !== archive),
  }))
}

export async function recordBegun(home: string, place: string, archive: string): Promise<void> {
  await changeJsonRecord(backupsRecordOf(home), Backups, before => ({
    backups: before?.backups ?? [],
    begun: [...(before?.begun ?? []), { place, archive }],
  }))
}

/** Deletes what backups of this stack that were killed have left in a place. */
export async function clearBegun(home: string, storage: ArchiveStorage): Promise<void> {
  const record = await readJsonIfSound(backupsRecordOf(home), Backups)
  const left = (record?.begun ?? []).filter(({ place }) => place === storage.name)
  if (left.length === 0) return
  for (const { archive } of left) await storage.clear(archive)
  await changeJsonRecord(backupsRecordOf(home), Backups, before => ({
    backups: before?.backups ?? [],
    begun: (before?.begun ?? []).filter(({ place }) => place !== storage.name),
  }))
}

/**
 * Deletes the oldest backups of all creators in a place, of those that this stack took there.
 * @param keep as many stay
 * @returns the archives that are gone
 */
export async function keepNewest(
  home: string,
  storage: ArchiveStorage,
  keep: number,
): Promise<string[]> {
  const record = await readJsonIfSound(backupsRecordOf(home), Backups)
  const own = (record?.backups ?? []).filter(
    ({ place, scope }) => place === storage.name && scope === 'all',
  )
  const old = own.slice(0, -keep)
  const removed: string[] = []
  for (const { archive, id } of old) {
    const stored = storage.open(archive)
    // Who deleted it was before us, and what is there by another id is somebody else's.
    const manifest = await inspect(stored).catch(error => {
      if (error instanceof Failure && error.kind === 'misused') return undefined
      throw error
    })
    if (manifest?.id !== id) continue
    await stored.remove(manifest.files.map(({ name }) => name))
    removed.push(archive)
  }
  const gone = new Set(old.map(({ id }) => id))
  await changeJsonRecord(backupsRecordOf(home), Backups, before => ({
    backups: (before?.backups ?? []).filter(({ id }) => !gone.has(id)),
    begun: before?.begun ?? [],
  }))
  return removed
}
