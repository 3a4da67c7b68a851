import { spawnSync } from 'node:child_process'

/** The command line of a process, as far as it tells what runs there; undefined where the system does not say. */
export function commandOf(pid: number): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', 'args=', '-p', `${pid}`], { encoding: 'utf8' })
  return status === 0 ? stdout.trim().slice(0, 120) : undefined
}
