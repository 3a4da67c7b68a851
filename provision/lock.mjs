import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processStart } from './process-identity.mjs'

/**
 * Who holds a lock: the process, when it started (processStart), and what it said it is doing.
 * `token` is of this one holding.
 * @typedef {{ pid: number, started: string, purpose: string, since: string, token: string }} Holder
 */

/**
 * @typedef {{ release(): Promise<void>, heldBy?: undefined }} Held
 * @typedef {{ heldBy: Holder }} Refused
 */

const POLL_MILLIS = 200
/** Others who share a cache or a checkout wait for this lock too, and are told who has it. */
const FOR_ALL = 0o666

/** @type {Holder} What stands for a lock file that says nothing, as after a power failure. */
const NOBODY = { pid: 0, started: '', purpose: '', since: '', token: 'unreadable' }

/**
 * Takes a lock between the processes of one machine, or says who has it. A lock whose holder died is taken
 * over, so nothing has to be cleaned up after a kill.
 *
 * The file appears with its content in one step (link), and it goes only through its living holder or through
 * the one process that holds the lock on taking over this very holding: so no two can take over, one after the
 * other, what the first already replaced.
 * @param {string} file its folder is made when missing
 * @param {string} purpose what the holder does, for those who wait: `builds Ollama 0.17.4`
 * @param {number} [mode] who may read that, less the umask
 * @returns {Promise<Held | Refused>}
 */
export async function acquireLock(file, purpose, mode = FOR_ALL) {
  const mine = holding(purpose)
  const draft = `${file}.${mine.token}`
  await mkdir(dirname(file), { recursive: true })
  await writeFile(draft, JSON.stringify(mine), { mode })
  const release = () => releaseLock(file, mine)
  try {
    for (;;) {
      if (await appears(draft, file)) return { release }
      const holder = await readHolder(file)
      if (holder === undefined) continue
      if (isAlive(holder)) return { heldBy: holder }

      const takeover = await acquireLock(`${file}.takeover-${holder.token}`, purpose, mode)
      if (takeover.heldBy) return takeover
      try {
        const same = (await readHolder(file))?.token === holder.token
        if (same) await rename(draft, file)
        if (same) return { release }
      } finally {
        await takeover.release()
      }
    }
  } finally {
    await rm(draft, { force: true })
  }
}

/**
 * Does the work while holding the lock, after waiting for whoever has it.
 * @template Result
 * @param {string} file
 * @param {{ purpose: string, onWait: (holder: Holder) => void, signal: AbortSignal, mode?: number }} options
 *   `onWait` is called once for each holder waited for; an abort ends the waiting with the signal's reason; `mode` as
 *   for acquireLock
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>}
 */
export async function withLock(file, { purpose, onWait, signal, mode }, work) {
  let waitedFor = ''
  for (;;) {
    signal.throwIfAborted()
    const lock = await acquireLock(file, purpose, mode)
    if (!lock.heldBy) {
      try {
        return await work()
      } finally {
        await lock.release()
      }
    }
    if (lock.heldBy.token !== waitedFor) onWait(lock.heldBy)
    waitedFor = lock.heldBy.token
    await sleep(POLL_MILLIS)
  }
}

/**
 * Ends a holding. The folder may have been deleted under it (`down --purge`), and the lock be another's by now.
 * @param {string} file
 * @param {Holder} mine
 */
async function releaseLock(file, mine) {
  if ((await readHolder(file))?.token === mine.token) await rm(file, { force: true })
}

/**
 * @param {string} purpose
 * @returns {Holder}
 */
function holding(purpose) {
  const { pid } = process
  const started = processStart(pid) ?? ''
  return { pid, started, purpose, since: new Date().toISOString(), token: randomUUID() }
}

/** @param {Holder} holder */
function isAlive(holder) {
  return holder.pid > 0 && processStart(holder.pid) === holder.started
}

/**
 * @param {string} draft
 * @param {string} file
 * @returns {Promise<boolean>} false when the file is there already
 */
async function appears(draft, file) {
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

/**
 * @param {string} file
 * @returns {Promise<Holder | undefined>} undefined when nobody holds it
 */
async function readHolder(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    if (error instanceof SyntaxError) return NOBODY
    throw error
  }
}

/**
 * @param {unknown} error
 * @param {string} code
 */
function hasCode(error, code) {
  return error instanceof Error && 'code' in error && error.code === code
}
