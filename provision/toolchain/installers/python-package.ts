import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../../infra/failure.ts'
import type { Task } from '../../progress.ts'
import { finishedFolder } from '../finished-folder.ts'
import { requireCommand, runCommand } from '../run-command.ts'

/** A wheel on PyPI, or on the index that pip is configured for. */
export interface PythonPackage {
  name: string
  version: string
  /** Of the wheel. Without it pip checks what it loads only against the index's own hash. */
  sha256?: string
}

export const INSTALL_PYTHON = 'apt-get install python3 python3-pip'
const INSTALL_PIP = 'apt-get install python3-pip (or: python3 -m ensurepip)'

/**
 * Brings one wheel, without its dependencies, into the cache. pip loads it, so the user's own index, proxy and
 * certificates apply.
 * @param cache the folder of the cache, see toolchainOptions
 * @returns the folder with the unpacked content, there for good and shared: not to be written to
 * @throws Failure `unavailable` when python3 or pip is missing, or the package cannot be loaded or has another hash
 */
export async function fetchPythonPackage(
  { name, version, sha256 }: PythonPackage,
  cache: string,
  task: Task,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const what = `${name} ${version} from PyPI`
  const folder = join(cache, 'python', `${name}-${version}`)
  return finishedFolder(folder, what, task, async draft => {
    const python = await requireCommand('python3', what, INSTALL_PYTHON, env)
    const requirements = join(draft, 'requirements.txt')
    const hash = sha256 ? ` --hash=sha256:${sha256}` : ''
    await writeFile(requirements, `${name}==${version}${hash}\n`)

    const run = (...args: string[]) =>
      runCommand([python, '-m', ...args], { env, signal: task.signal })
    const wheelOnly = ['pip', 'download', '--no-deps', '--only-binary', ':all:']
    task.report(`fetching ${what}`)
    await run(...wheelOnly, '-d', draft, '-r', requirements).catch(namingPip)

    const wheel = (await readdir(draft)).find(file => file.endsWith('.whl'))!
    task.report(`unpacking ${wheel}`)
    await run('zipfile', '-e', join(draft, wheel), draft)
    await rm(join(draft, wheel))
    await rm(requirements)
  })
}

function namingPip(error: unknown): never {
  if (error instanceof Failure && error.message.includes('No module named pip')) {
    throw new Failure('unavailable', 'python3 has no pip', { mend: INSTALL_PIP, cause: error })
  }
  throw error
}
