import {
  access,
  constants,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { freeBytes } from '../../infra/free-bytes.ts'
import { CHROMA_RESERVE } from '../../infra/servers/chroma-disk-reserve.ts'
import { COPY_FOLDER } from '../../infra/servers/chroma-watchdog.ts'
import { syncFile } from '../../infra/sync-file.ts'
import { type Bytes, formatBytes, type Millis, minutes, seconds } from '../../infra/units.ts'
import { DATABASE, indexFolders } from './file-waste.ts'

/** The server lets go of its database between two transactions. */
const WAITS: Millis = minutes(2)
/** An index that is being saved is done then. */
const SAVED_WITHIN: Millis = seconds(2)
const TRIES = 10

/** What tells a whole copy from one that is being made. */
const MANIFEST = 'copy.json'
/** Names of what is in the copy, a line each, for the watchdog. */
const ENTRIES = 'entries'
/** There when the copy is to take the place of the data; it says which server's start it waits for. */
const PUT_BACK = 'put-back'

/**
 * - `make`: unless the copy of this upgrade is there already
 * - `put-back`: the copy takes the place of the data when this server is started the next time (chroma-watchdog.sh)
 */
export const CopyRequest = z.discriminatedUnion('do', [
  z.object({ do: z.literal('make'), id: z.uuid() }),
  z.object({ do: z.literal('put-back'), id: z.uuid(), server: z.string() }),
  z.object({ do: z.literal('remove') }),
])
export type CopyRequest = z.infer<typeof CopyRequest>

/** The copy of a server's data that an upgrade has made before it began. */
export const DataCopy = z.object({
  /** Of the upgrade. */
  id: z.uuid(),
  bytes: z.int().nonnegative(),
})
export type DataCopy = z.infer<typeof DataCopy>

/**
 * Keeps a copy of a server's data beside it, on the same disk, so that it takes the place of the data again by names alone.
 * The server may run; nobody may write.
 * @param data folder of the server's data, on a file system of this machine
 * @returns what is there afterwards
 * @throws Failure `refused` without room for it; `unavailable` when the server does not come to rest, or what is to be put
 *   back is not there
 */
export async function workOnCopy(
  data: string,
  request: CopyRequest,
): Promise<DataCopy | undefined> {
  const folder = join(data, COPY_FOLDER)
  const there = await copyIn(folder)
  if (request.do === 'remove') {
    await removeCopy(folder)
    return undefined
  }
  if (request.do === 'make') {
    if (there?.id === request.id) {
      await requireWhole(folder)
      await rm(join(folder, PUT_BACK), { force: true })
      return there
    }
    await removeCopy(folder)
    return makeCopy(data, folder, request.id)
  }
  // Where it was put back already there is none.
  if (there?.id !== request.id) return undefined
  await writeDurably(join(folder, PUT_BACK), request.server)
  return there
}

/** @throws Failure `refused` where a part of it is in the place of the data already */
async function requireWhole(folder: string): Promise<void> {
  const entries = (await readFile(join(folder, ENTRIES), 'utf8')).trimEnd().split('\n')
  const there = new Set(await readdir(join(folder, 'data')).catch(() => []))
  if (entries.every(name => there.has(name))) return
  throw new Failure('refused', `The data of before is half put back out of ${folder}`, {
    mend: 'set the versions of before again, and run this again: that ends it',
  })
}

/** What makes it one goes first. */
async function removeCopy(folder: string): Promise<void> {
  await rm(join(folder, PUT_BACK), { force: true })
  await rm(join(folder, MANIFEST), { force: true })
  await rm(folder, { recursive: true, force: true })
}

async function copyIn(folder: string): Promise<DataCopy | undefined> {
  try {
    return DataCopy.parse(JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')))
  } catch {
    return undefined
  }
}

/** In a folder of its own until it is whole: a command that was killed may have left another process at work on one. */
async function makeCopy(data: string, folder: string, id: string): Promise<DataCopy> {
  const path = join(data, DATABASE)
  await access(path).catch(() => {
    throw new Failure('unavailable', `There is no ${path} to be copied`)
  })
  await clearDrafts(data)
  await requireRoom(data)
  const draft = await mkdtemp(`${folder}.`)
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path, { timeout: WAITS })
  try {
    // It is read on; but nobody writes as long as this holds the database.
    database.exec('BEGIN IMMEDIATE')
    const copied = await copyAtRest(data, join(draft, 'data'))
    database.exec('COMMIT')
    await requireSound(join(draft, 'data', DATABASE))
    await writeDurably(join(draft, ENTRIES), `${copied.names.join('\n')}\n`)
    await writeDurably(join(draft, MANIFEST), JSON.stringify({ id, bytes: copied.bytes }))
    await rename(draft, folder)
    return { id, bytes: copied.bytes }
  } finally {
    database.close()
    await rm(draft, { recursive: true, force: true })
  }
}

async function clearDrafts(data: string): Promise<void> {
  const names = (await readdir(data)).filter(name => name.startsWith(`${COPY_FOLDER}.`))
  for (const name of names) await rm(join(data, name), { recursive: true, force: true })
}

/** Saved indexes are files that the server writes when it likes: they are copied again when one changed meanwhile. */
async function copyAtRest(data: string, into: string): Promise<{ names: string[]; bytes: Bytes }> {
  for (let tried = 1; tried <= TRIES; tried += 1) {
    await rm(into, { recursive: true, force: true })
    try {
      const before = await indexFiles(data)
      for (const { path } of before) await copyOne(join(data, path), join(into, path))
      await copyDatabase(join(data, DATABASE), join(into, DATABASE))
      const after = await indexFiles(data)
      if (JSON.stringify(before) === JSON.stringify(after)) {
        const { size } = await stat(join(into, DATABASE))
        const bytes = before.reduce((sum, { size }) => sum + size, size)
        return { names: await readdir(into), bytes }
      }
    } catch (error) {
      // The folder of a deleted collection goes when the server likes.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    await sleep(SAVED_WITHIN)
  }
  throw new Failure('unavailable', `The files in ${data} go on changing, although nobody writes`, {
    mend: 'run this again in a minute',
  })
}

/**
 * By SQLite: whoever opens and closes the file beside it in the same process gives up the locks that SQLite holds on it
 * (https://www.sqlite.org/howtocorrupt.html, 2.2).
 */
async function copyDatabase(from: string, to: string): Promise<void> {
  const { backup, DatabaseSync } = await import('node:sqlite')
  await mkdir(dirname(to), { recursive: true })
  const source = new DatabaseSync(from, { readOnly: true, timeout: WAITS })
  try {
    await backup(source, to)
    await syncFile(to)
  } finally {
    source.close()
  }
}

interface SeenFile {
  path: string
  size: Bytes
  changed: Millis
}

/** Those of the saved indexes. */
async function indexFiles(data: string): Promise<SeenFile[]> {
  const folders = await indexFolders(data)
  const inside = folders.map(async name =>
    (await readdir(join(data, name))).map(file => join(name, file)),
  )
  const paths = (await Promise.all(inside)).flat().sort()
  return Promise.all(
    paths.map(async path => {
      const { size, mtimeMs } = await stat(join(data, path))
      return { path, size, changed: mtimeMs }
    }),
  )
}

/** By reference where the file system can, which takes no room until one of the two is written. */
async function copyOne(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  await syncFile(to)
}

async function writeDurably(path: string, content: string): Promise<void> {
  await writeFile(path, content)
  await syncFile(path)
}

async function requireRoom(data: string): Promise<void> {
  const { size: database } = await stat(join(data, DATABASE))
  const indexes = await indexFiles(data)
  const needed = indexes.reduce((sum, { size }) => sum + size, database + CHROMA_RESERVE)
  const free = await freeBytes(data)
  if (free >= needed) return
  throw new Failure(
    'refused',
    `The disk of ${data} has ${formatBytes(free)} left; a copy of the data needs ${formatBytes(needed)}`,
    { mend: 'make room there, then run this again; the stack runs as before' },
  )
}

async function requireSound(copied: string): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(copied, { readOnly: true })
  try {
    const found = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0]
    if (found === 'ok') return
    throw new Failure('refused', `The database was damaged before the upgrade: ${found}`, {
      mend: 'restore a backup first: npm run restore -- --from ARCHIVE',
    })
  } finally {
    database.close()
  }
}
