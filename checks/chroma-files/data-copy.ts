import {
  constants,
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { CHROMA_RESERVE } from '../../infra/servers/chroma-disk-reserve.ts'
import { COPY_FOLDER } from '../../infra/servers/chroma-watchdog.ts'
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

/** What the watchdog needs is removed last. */
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

async function makeCopy(data: string, folder: string, id: string): Promise<DataCopy> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(join(data, DATABASE), { timeout: WAITS })
  try {
    await requireRoom(data)
    const into = join(folder, 'data')
    // It is read on; but nobody writes as long as this holds the database.
    database.exec('BEGIN IMMEDIATE')
    const { names, bytes } = await copyAtRest(data, into)
    database.exec('COMMIT')
    await requireSound(join(into, DATABASE))
    await writeDurably(join(folder, ENTRIES), `${names.join('\n')}\n`)
    await writeDurably(join(folder, MANIFEST), JSON.stringify({ id, bytes }))
    return { id, bytes }
  } finally {
    database.close()
  }
}

/** Saved indexes are files that the server writes when it likes: they are copied again when one changed meanwhile. */
async function copyAtRest(data: string, into: string): Promise<{ names: string[]; bytes: Bytes }> {
  for (let tried = 1; tried <= TRIES; tried += 1) {
    const before = await filesOf(data)
    await rm(into, { recursive: true, force: true })
    for (const { path } of before) await copyOne(join(data, path), join(into, path))
    const after = await filesOf(data)
    if (JSON.stringify(before) === JSON.stringify(after)) {
      const names = [DATABASE, ...(await indexFolders(data))]
      return { names, bytes: before.reduce((sum, { size }) => sum + size, 0) }
    }
    await sleep(SAVED_WITHIN)
  }
  throw new Failure('unavailable', `The files in ${data} go on changing, although nobody writes`, {
    mend: 'run this again in a minute',
  })
}

interface SeenFile {
  path: string
  size: Bytes
  changed: Millis
}

/** The database and the saved indexes; what else is there is no data. */
async function filesOf(data: string): Promise<SeenFile[]> {
  const folders = await indexFolders(data)
  const inside = folders.map(async name =>
    (await readdir(join(data, name))).map(file => join(name, file)),
  )
  const paths = [DATABASE, ...(await Promise.all(inside)).flat()].sort()
  return Promise.all(
    paths.map(async path => {
      const { size, mtimeMs } = await stat(join(data, path))
      return { path, size, changed: mtimeMs }
    }),
  )
}

/** By reference where the file system can, which takes no room until one of the two is written. */
async function copyOne(from: string, to: string): Promise<void> {
  await mkdir(join(to, '..'), { recursive: true })
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  await sync(to)
}

async function writeDurably(path: string, content: string): Promise<void> {
  await writeFile(path, content)
  await sync(path)
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function requireRoom(data: string): Promise<void> {
  const needed = (await filesOf(data)).reduce((sum, { size }) => sum + size, CHROMA_RESERVE)
  const { bavail, bsize } = await statfs(data)
  const free = bavail * bsize
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
