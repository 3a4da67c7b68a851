import { constants, ftruncateSync, readSync, type Stats, writeSync } from 'node:fs'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../../infra/failure.ts'
import { LOG_FILES, LOG_SIZE } from '../../infra/local/log-bounds.ts'
import { PRIVATE_FILE } from '../../infra/private-files.ts'
import { type Bytes, MiB, type Millis, seconds } from '../../infra/units.ts'

const LOOK_EVERY: Millis = seconds(5)
/** Of what was written, the last that is kept in one file: a log's size, and as much again for what came between two looks. */
const KEPT: Bytes = 2 * LOG_SIZE
const PIECE: Bytes = MiB
/** For more, where the server writes as fast as it is read. */
const LAST_LOOKS = 10

/**
 * Keeps logs of running servers bounded: looks at them now and every few seconds. A server has its log open for
 * appending, so that copying what is there and cutting the file down to nothing takes no more from it than what it
 * writes between the two.
 * @param onProblem told of what keeps a log from being bounded, once as long as it is the same
 * @returns ends it, after the look that is under way
 */
export function boundLogs(
  files: readonly string[],
  onProblem: (text: string) => void,
  every: Millis = LOOK_EVERY,
): () => Promise<void> {
  const told = new Map<string, string>()
  const look = async () => {
    for (const file of files) {
      const problem = await setAside(file, LOG_SIZE).then(() => '', reasonOf)
      if (problem !== '' && told.get(file) !== problem) onProblem(`${file}: ${problem}`)
      told.set(file, problem)
    }
  }
  const stop = new AbortController()
  const lookOnAndOn = async () => {
    for (;;) {
      await look()
      await sleep(every, undefined, { signal: stop.signal, ref: false })
    }
  }
  const ended = lookOnAndOn().catch(() => undefined)
  return () => {
    stop.abort()
    return ended
  }
}

/**
 * Opens the log of a server that is about to start, for appending; what an earlier one wrote is set aside.
 * @throws what the file system says
 */
export async function openLog(file: string): Promise<FileHandle> {
  const there = await lstat(file).catch(() => undefined)
  if (there?.isFile() && there.size > KEPT) await setAside(file, 0)
  // A link may lead to a file that is not the stack's; it is moved, and not followed.
  else if (there !== undefined && there.size > 0) await rename(file, await freeFirst(file))
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants
  return open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, PRIVATE_FILE)
}

/** Moves a log into a file of its own, `.1`, when it is longer than this; the ones before become `.2` and so on. */
async function setAside(file: string, longerThan: Bytes): Promise<void> {
  const found = await openOwn(file)
  if (found === undefined) return
  const [log, { size }] = found
  try {
    if (size <= longerThan) return
    try {
      await moveText(log, size, file)
    } catch (error) {
      // On a full disk the room is worth more than the log.
      if (!isFull(error)) throw error
      await log.truncate()
    }
  } finally {
    await log.close()
  }
}

/** @returns undefined where there is no file, or a link or another thing in its place */
async function openOwn(file: string): Promise<[FileHandle, Stats] | undefined> {
  const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants
  const log = await open(file, O_RDWR | O_NOFOLLOW | O_NONBLOCK).catch(error => {
    if (NOT_OURS.has(error.code)) return undefined
    throw error
  })
  if (log === undefined) return undefined
  const stats = await log.stat()
  if (stats.isFile()) return [log, stats]
  await log.close()
  return undefined
}

const NOT_OURS = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO'])

/** Moves the end of a log, with what is written meanwhile, into a file of its own. */
async function moveText(log: FileHandle, size: Bytes, file: string): Promise<void> {
  const draft = `${file}.new`
  await rm(draft, { force: true })
  const copy = await open(draft, 'wx', PRIVATE_FILE)
  try {
    const copiedTo = await copyText(log, copy, Math.max(0, size - KEPT), size + LOG_SIZE)
    await rename(draft, await freeFirst(file))
    moveRest(log, copy, copiedTo)
  } finally {
    await copy.close()
    await rm(draft, { force: true })
  }
}

/** @returns where it came to: the end of the log, or `until` where more is written than is read */
async function copyText(log: FileHandle, copy: FileHandle, from: Bytes, until: Bytes) {
  const piece = Buffer.alloc(PIECE)
  for (let at = from; ; ) {
    const { bytesRead } = at < until ? await log.read(piece, 0, PIECE, at) : { bytesRead: 0 }
    if (bytesRead === 0) return at
    await copy.writeFile(piece.subarray(0, bytesRead))
    at += bytesRead
  }
}

/** At one go, so that next to nothing is written between the last look and the cut, which loses it. */
function moveRest(log: FileHandle, copy: FileHandle, from: Bytes): void {
  const piece = Buffer.alloc(PIECE)
  for (let at = from, looks = 0; looks < LAST_LOOKS; looks += 1) {
    const read = readSync(log.fd, piece, 0, PIECE, at)
    if (read === 0) break
    writeSync(copy.fd, piece, 0, read)
    at += read
  }
  ftruncateSync(log.fd)
}

/** Makes room for the newest of the files set aside. @returns its name */
async function freeFirst(file: string): Promise<string> {
  for (let index = LOG_FILES - 2; index >= 1; index -= 1) {
    await rename(`${file}.${index}`, `${file}.${index + 1}`).catch(error => {
      if (error.code !== 'ENOENT') throw error
    })
  }
  return `${file}.1`
}

const isFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')
