import { join } from 'node:path'
import { minutes } from '../../../infra/units.ts'
import { finishedFolder } from '../../../provision/toolchain/finished-folder.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { findCommand, runCommand } from '../../../provision/toolchain/run-command.ts'

const VERSION = '4.32.5'
/** The oldest Python that it runs on. */
const PYTHON = 'import sys, pip; sys.exit(sys.version_info < (3, 10))'

const task = () => ({ report() {}, signal: AbortSignal.timeout(minutes(5)) })
const { cache, env } = toolchainOptions(process.env)

/** @returns why the fuzzer cannot run on this machine; undefined when it can */
export async function whyNoFuzzer(): Promise<string | undefined> {
  const python = await findCommand('python3', env)
  if (python === undefined) return 'python3 is not on PATH'
  return runCommand([python, '-c', PYTHON], { env, signal: task().signal }).then(
    () => undefined,
    () => 'python3 is older than 3.10 or has no pip',
  )
}

/**
 * Runs the fuzzer Schemathesis, which comes from PyPI into the cache.
 * @returns what it said
 * @throws with the end of it when it found something
 */
export async function fuzz(args: string[], folder: string): Promise<string> {
  const python = (await findCommand('python3', env))!
  const packages = await install(python)
  return runCommand([python, '-m', 'schemathesis.cli', ...args], {
    env: { ...env, PYTHONPATH: packages },
    cwd: folder,
    signal: AbortSignal.timeout(minutes(10)),
  })
}

function install(python: string): Promise<string> {
  const folder = join(cache, 'python', `schemathesis-${VERSION}`)
  return finishedFolder(folder, `Schemathesis ${VERSION}`, task(), async draft => {
    const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '--target', draft]
    const { signal } = task()
    await runCommand([python, ...pip, `schemathesis==${VERSION}`], { env, signal })
  })
}
