import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

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
 * @param {number} pid
 * @returns {string | undefined}
 */
function startFromProc(pid) {
  let stat
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // proc_pid_stat(5): the second field is a name in parentheses that may itself hold blanks and parentheses,
  // so fields are counted from behind it: state is the 3rd of the line, starttime (ticks since boot) the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return `${bootId()}/${fields[19]}`
}

/** Ticks are counted from the boot, so they mean something only together with it. */
function bootId() {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/**
 * @param {number} pid
 * @returns {string | undefined}
 */
function startFromPs(pid) {
  const { stdout } = spawnSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  })
  const [state, ...started] = (stdout ?? '').trim().split(/\s+/)
  return !state || state.startsWith('Z') ? undefined : started.join(' ')
}
