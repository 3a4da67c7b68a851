import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { freeBytes } from '../../infra/free-bytes.ts'
import { CHROMA_RESERVE } from '../../infra/servers/chroma-disk-reserve.ts'
import { REWRITING } from '../../infra/servers/chroma-watchdog.ts'
import { type Bytes, formatBytes, type Millis, minutes } from '../../infra/units.ts'
import { clearUnused } from './clear-unused.ts'
import { DATABASE, indexFolders } from './file-waste.ts'

/** The server has the file for itself while it writes; it waits for us as long as we hold it. */
const WAITS: Millis = minutes(2)
/** In which the first thousand records of an index are saved that had begun to be. */
const SAVED_WITHIN: Millis = 500
/** Beside the file there is a copy of it at a time, and a journal that is as large at most. */
const NEEDED = 2

/** What was taken out of the files of a Chroma server. */
export const Erased = z.object({
  /** For so many milliseconds requests to the server waited, or failed. */
  took: z.number(),
  /** Bytes of the database, before and after. */
  before: z.int(),
  after: z.int(),
  /** Folders of indexes whose collections are deleted, which the server leaves behind. */
  folders: z.array(z.string()),
})
export type Erased = z.infer<typeof Erased>

/**
 * Takes what is deleted out of the files of a Chroma server that runs: the free pages of its database, what its
 * full-text index keeps of deleted texts, what its memory has left in indexes that hold nothing yet, and the folders of
 * deleted collections' indexes. Both lock the file as SQLite does, so that neither sees half of what the other does.
 * @param data folder of the server's data, on a file system of this machine
 * @throws Failure `refused` without room for a copy of the database; `unavailable` when the server does not let go of it
 */
export async function eraseDeleted(data: string): Promise<Erased> {
  const path = join(data, DATABASE)
  const before = await sizeOf(path)
  const [free, needed] = [await freeBytes(data), NEEDED * before + CHROMA_RESERVE]
  if (free < needed) {
    throw new Failure(
      'refused',
      `The disk of ${data} has ${formatBytes(free)} left; ${formatBytes(needed)} are needed for a while`,
      { mend: 'make room there, and forget again' },
    )
  }
  // Its temporary file has the same texts in it: beside the data, and not where everybody's files are.
  process.env.SQLITE_TMPDIR = data
  const { DatabaseSync } = await import('node:sqlite')
  // Before the database is asked: a folder of which it knows nothing then is of no collection.
  const folders = await indexFolders(data)
  const began = performance.now()
  // For the watchdog of the server's disk, to which a journal that stays long is one of a server that hangs.
  const marker = join(data, REWRITING)
  await writeFile(marker, '')
  const database = new DatabaseSync(path, { timeout: WAITS })
  let known: Set<string>
  try {
    const rows = database.prepare('SELECT id FROM segments').all()
    known = new Set(rows.map(({ id }) => String(id)))
    database.exec(OPTIMIZE)
    database.exec('VACUUM')
    // It is read on; but nobody writes as long as this holds the database, so that no index begins to be saved.
    database.exec('BEGIN IMMEDIATE')
    await sleep(SAVED_WITHIN)
    for (const name of await indexFolders(data)) await clearUnused(join(data, name))
    database.exec('COMMIT')
  } catch (cause) {
    throw new Failure('unavailable', `${path} could not be rewritten: ${cause}`, {
      mend: 'forget again while less is written',
      cause,
    })
  } finally {
    database.close()
    await rm(marker, { force: true })
  }
  const took = performance.now() - began
  const left = folders.filter(name => !known.has(name))
  for (const name of left) await rm(join(data, name), { recursive: true, force: true })
  return { took, before, after: await sizeOf(path), folders: left }
}

/** What was deleted stays in its segments until they are merged. */
const OPTIMIZE =
  "INSERT INTO embedding_fulltext_search(embedding_fulltext_search) VALUES('optimize')"

const sizeOf = async (path: string): Promise<Bytes> => (await stat(path)).size
