import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { minutes } from '../../../infra/units.ts'
import { withLock } from '../../../provision/lock.mjs'
import { findCommand, runCommand } from '../../../provision/toolchain/run-command.ts'

/** Debian packages are installed, and daemons and mounts made, where the tests are told that they may. */
export const MAY_CHANGE_SYSTEM =
  process.env.KNOWLEDGE_STACK_TEST_SYSTEM === '1' && process.getuid?.() === 0

/** @returns where a command is, its packages installed first where that is allowed; undefined when there is none */
export async function debianCommand(
  name: string,
  ...packages: string[]
): Promise<string | undefined> {
  // What only root runs is not on everybody's PATH.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
  const found = await findCommand(name, env)
  if (found !== undefined || !MAY_CHANGE_SYSTEM) return found
  const apt = (...args: string[]) =>
    runCommand(['apt-get', '--quiet', '--yes', '-o', 'DPkg::Lock::Timeout=300', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      signal: AbortSignal.timeout(minutes(10)),
    })
  // apt waits for its lock to install, but not to update its lists.
  const signal = AbortSignal.timeout(minutes(20))
  const turn = { purpose: `installs ${name}`, onWait: () => {}, signal }
  await withLock(join(tmpdir(), 'knowledge-stack-packages.lock'), turn, async () => {
    await apt('update')
    await apt('install', '--no-install-recommends', ...(packages.length > 0 ? packages : [name]))
  })
  return findCommand(name, env)
}
