import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * When a process started, in the machine's own words. Together with its pid this tells a process from a
 * later one that was given the same pid.
 * @param {number} pid
 * @returns {string | undefined} undefined when no such process runs; a zombie no longer does
 */
export function processStart(pid) {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid)
}

/**
 * Whether a process is there as the one it was: it runs, or it has ended and threads of it still hold its files and
 * ports.
 * @param {{ pid: number, identity: string }} process `identity` as processStart tells it
 */
export function processLingers({ pid, identity }) {
  if (process.platform !== 'linux') return startFromPs(pid) === identity
  const fields = statOf(pid)
  return fields !== undefined && startOf(fields) === identity && lingers(pid, fields)
}

/**
 * @param {number} pid
 * @param {string[]} fields of its stat
 */
export const lingers = (pid, fields) => !ENDED.test(fields[0] ?? '') || threadsOf(pid) > 1

/**
 * The threads of an ended process, which end after their leader and hold its files and ports until then.
 * @param {number} pid
 */
function threadsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).length
  } catch {
    return 0
  }
}

/** @param {number} pid */
function startFromProc(pid) {
  const fields = statOf(pid)
  return fields === undefined || ENDED.test(fields[0] ?? '') ? undefined : startOf(fields)
}

/** @param {string[]} fields of a process's stat */
const startOf = fields => `${bootId()}/${fields[19]}`

/** The state of a zombie, or of one about to go. */
export const ENDED = /^[ZX]/

/**
 * proc_pid_stat(5): the second field is a name in parentheses that may itself hold blanks and parentheses, so
 * fields are counted from behind it: state is the 3rd of the line and here the first, then parent and group;
 * starttime (ticks since boot) is the 22nd.
 * @param {number} pid
 */
export function statOf(pid) {
  const stat = procFile(pid, 'stat')
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/**
 * A file of a process that may have ended, or be another user's.
 * @param {number} pid
 * @param {string} name
 */
export function procFile(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return undefined
  }
}

/**
 * The process that started another, or that took it over when its own had ended.
 * @param {number} pid
 * @returns {number | undefined} undefined where the system does not tell, and for the first process
 */
export function parentOf(pid) {
  const parent = Number(statOf(pid)?.[1])
  return parent > 0 ? parent : undefined
}

/**
 * What a process was started with.
 * @param {number} pid
 * @returns {Record<string, string> | undefined} undefined where the system does not tell
 */
export function environmentOf(pid) {
  const pairs = procFile(pid, 'environ')?.split('\0').filter(Boolean)
  return (
    pairs &&
    Object.fromEntries(
      pairs.map(pair => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at), pair.slice(at + 1)]
      }),
    )
  )
}

/** Ticks are counted from the boot, so they mean something only together with it. */
function bootId() {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** @param {number} pid */
function startFromPs(pid) {
  const [state, ...started] = ps('-o', 'state=,lstart=', '-p', String(pid)).split(/\s+/)
  return !state || ENDED.test(state) ? undefined : started.join(' ')
}

/** @param {string[]} args */
export function ps(...args) {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
  // Environments are long.
  const { stdout } = spawnSync('ps', args, { encoding: 'utf8', env, maxBuffer: 2 ** 26 })
  return (stdout ?? '').trim()
}
