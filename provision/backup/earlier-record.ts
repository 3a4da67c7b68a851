import { rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { z } from 'zod'
import type { BackupRecords } from '../../checks/store/backup-records.ts'
import { backupsRecordOf } from '../../infra/settings/home-paths.ts'
import { readJsonIfSound } from '../json-record.ts'

/** What an earlier version had in the stack's folder of the backups that came to their end. */
const Earlier = z.object({
  backups: z.array(
    z.object({
      place: z.string(),
      archive: z.string(),
      id: z.uuid(),
      created: z.iso.datetime(),
      scope: z.enum(['all', 'creator']),
      records: z.int().nonnegative(),
    }),
  ),
})

/** Records beside the data what an earlier version had on record in the stack's folder. */
export async function adoptEarlierRecord(home: string, backups: BackupRecords): Promise<void> {
  const file = backupsRecordOf(home)
  const earlier = await readJsonIfSound(file, Earlier)
  if (earlier === undefined) return
  for (const each of earlier.backups) {
    await backups.put({ ...each, state: 'whole', alive: each.created, machine: hostname() })
  }
  await rm(file)
}
