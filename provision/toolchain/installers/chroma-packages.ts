import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from '../../../infra/failure.ts'
import type { Installer } from '../installer.ts'
import { versionProblem, wantedVersion } from '../pinned-tools.ts'
import { probeVersion } from '../probe.ts'
import { requireCommand } from '../run-command.ts'
import { fetchPythonPackage, INSTALL_PYTHON } from './python-package.ts'

/**
 * sha256 of the wheels of chromadb that were seen, by version and platform. Any other pip checks only against the hash
 * that the index itself gives.
 */
const WHEELS: Record<string, string> = {
  '1.5.8 linux-x64': '9494f0cf734dcfd2976890f9e3a446fdd5ca565375ffebe0de388ce994ac1f5e',
  '1.5.9 linux-x64': 'cc09b3df76e5a5cb386aed2715a2eea152e3949f9e1ba93c7119505377749929',
}

const LAUNCHER = join(import.meta.dirname, 'chroma.py')

/** The npm package that is this project's client carries the server as well, for systems with glibc ≥ 2.38. */
export const chromaFromNpm: Installer = {
  name: 'npm',
  origin: 'package',
  how: 'run from the npm package chromadb',
  async install(options, task) {
    const { env } = options
    const cli = fileURLToPath(new URL('./cli.mjs', import.meta.resolve('chromadb')))
    const command = [process.execPath, cli]
    const version = await probeVersion('chroma', command, env, task).catch(naming)
    const problem = versionProblem('chroma', version, options)
    if (problem) throw new Failure('unavailable', `the npm package chromadb ${problem}`)
    return { version, command, binFolders: [] }
  },
}

/** Of what Node writes when a native binding does not load, the one line that says why. */
function naming(error: unknown): never {
  if (!(error instanceof Failure)) throw error
  // Which of its files needs what is missing is left out: it is a long path in node_modules.
  const reason =
    /^\w*Error: (.*?)(?: \(required by .*)?$/m.exec(error.message)?.[1] ?? error.message
  throw new Failure('unavailable', `the npm package chromadb does not run here: ${reason}`, {
    cause: error,
  })
}

/** The PyPI package carries the same server for older systems, as bindings that python3 loads. */
export const chromaFromPypi: Installer = {
  name: 'pypi',
  origin: 'package',
  how: 'run from the PyPI package chromadb',
  async install(options, task) {
    const { cache, env } = options
    const version = wantedVersion('chroma', options)
    const python = await requireCommand('python3', 'Chroma from PyPI', INSTALL_PYTHON, env)
    const sha256 = WHEELS[`${version} ${process.platform}-${process.arch}`]
    const wheel = { name: 'chromadb', version, ...(sha256 && { sha256 }) }
    const folder = await fetchPythonPackage(wheel, cache, task, env)
    return { version, command: [python, LAUNCHER, folder], binFolders: [] }
  },
}
