import { minutes } from '../../infra/units.ts'
import { findCommand, runCommand } from '../../provision/toolchain/command.ts'

/** Debian packages are installed where the tests are told that they may. */
const MAY_INSTALL = process.env.KNOWLEDGE_STACK_TEST_SYSTEM === '1' && process.getuid?.() === 0

/** @returns where Chromium is, installed first where that is allowed; undefined when there is none */
export async function findChromium(): Promise<string | undefined> {
  const found = await findCommand('chromium', process.env)
  if (found !== undefined || !MAY_INSTALL) return found
  const apt = (...args: string[]) =>
    runCommand(['apt-get', '--quiet', '--yes', '-o', 'DPkg::Lock::Timeout=300', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      signal: AbortSignal.timeout(minutes(10)),
    })
  await apt('update')
  await apt('install', '--no-install-recommends', 'chromium')
  return findCommand('chromium', process.env)
}
