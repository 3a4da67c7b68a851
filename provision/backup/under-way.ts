import { hostname } from 'node:os'
import type { BackupRecord, BackupRecords } from '../../checks/store/backup-records.ts'
import { Failure } from '../../infra/failure.ts'
import { type Millis, minutes } from '../../infra/units.ts'

/** Who has said nothing for so long is not at it any more: ten times as long as between two times that it says so. */
const GIVEN_UP: Millis = minutes(5)

/**
 * Requires that nobody takes a backup from elsewhere. Those of this machine are not there any more for who holds the
 * stack's lock (provision/stack-lock.ts).
 * @throws Failure `unavailable` that names who does, since when
 */
export async function requireNoBackup(backups: BackupRecords, signal?: AbortSignal): Promise<void> {
  const other = (await backups.all(signal)).find(isElsewhere)
  if (other === undefined) return
  const { machine, created, archive } = other
  throw new Failure(
    'unavailable',
    `A backup is under way: ${archive}, by ${machine} since ${created}`,
    {
      mend: 'wait until it has ended, then run this again; one that was killed is taken for ended after five minutes',
    },
  )
}

const isElsewhere = ({ state, machine, alive }: BackupRecord): boolean =>
  state === 'begun' && machine !== hostname() && Date.now() - Date.parse(alive) < GIVEN_UP
