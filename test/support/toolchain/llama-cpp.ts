import { access, mkdir, readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../../infra/failure.ts'
import { minutes } from '../../../infra/units.ts'
import { finishedFolder } from '../../../provision/toolchain/finished-folder.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import {
  findCommand,
  requireCommand,
  runCommand,
} from '../../../provision/toolchain/run-command.ts'

/** Names a folder with llama.cpp's own programs, as its CMake build has them in `bin`. */
const PROGRAMS = 'KNOWLEDGE_STACK_TEST_LLAMA_CPP'
/** Names the folder of llama.cpp's source, where no package index can be reached. */
const SOURCE = 'KNOWLEDGE_STACK_TEST_LLAMA_CPP_SOURCE'

/** Its source package holds a whole llama.cpp. */
const PACKAGE = { name: 'llama-cpp-python', version: '0.3.36' }
const DOWNLOAD = ['download', '--no-binary', ':all:', '--no-deps']
const REQUIREMENT = `${PACKAGE.name}==${PACKAGE.version}`

/**
 * The path of one of llama.cpp's programs.
 * @throws Failure where nobody built it
 */
export async function toolOfLlamaCpp(name: string): Promise<string> {
  const folder = process.env[PROGRAMS]
  const path = folder && join(folder, name)
  if (path && (await isThere(path))) return path
  throw new Failure('unavailable', `${PROGRAMS} is "${folder ?? ''}", and no folder with ${name}`, {
    mend: `build ${name} with CMake from vendor/llama.cpp of ${PACKAGE.name}'s source package (pip ${DOWNLOAD.join(' ')} ${REQUIREMENT})`,
  })
}

/**
 * llama-server for NVIDIA cards, built once for each kind of them and kept in the cache.
 * @param architecture compute capability of the card, without its dot
 * @returns its path
 * @throws Failure `unavailable` where there is no CUDA to build it with
 */
export async function llamaServerWithCuda(
  architecture: string,
  report: (text: string) => void,
): Promise<string> {
  const nvcc = (await findCommand('nvcc', process.env)) ?? '/usr/local/cuda/bin/nvcc'
  if (!(await isThere(nvcc))) {
    throw new Failure('unavailable', 'nvcc is not on PATH; llama-server for a card needs it', {
      mend: 'install the CUDA toolkit: https://developer.nvidia.com/cuda-downloads',
    })
  }
  const { cache } = toolchainOptions(process.env)
  const what = `llama-server of ${REQUIREMENT} for CUDA ${architecture}`
  const folder = join(cache, 'tools', `llama-server-${PACKAGE.version}-cuda-${architecture}`)
  const task = { report, signal: AbortSignal.timeout(minutes(60)) }
  await finishedFolder(folder, what, task, async draft => {
    const run = (argv: string[]) =>
      runCommand(argv, { env: process.env, signal: task.signal, onLine: report })
    const tool = (name: string) =>
      requireCommand(name, what, `apt-get install ${name}`, process.env)
    const source = process.env[SOURCE] || (await fetchSource(draft, run))
    const build = join(draft, 'build')
    await run([
      await tool('cmake'),
      ...['-S', source, '-B', build, '-DCMAKE_BUILD_TYPE=Release', '-DLLAMA_CURL=OFF'],
      ...['-DLLAMA_OPENSSL=OFF', '-DLLAMA_BUILD_TESTS=OFF', '-DLLAMA_BUILD_EXAMPLES=OFF'],
      ...['-DBUILD_SHARED_LIBS=OFF', '-DGGML_CUDA=ON', `-DCMAKE_CUDA_COMPILER=${nvcc}`],
      `-DCMAKE_CUDA_ARCHITECTURES=${architecture}`,
    ])
    const jobs = String(availableParallelism())
    await run([
      await tool('cmake'),
      ...['--build', build, '--target', 'llama-server', '--parallel', jobs],
    ])
  })
  return join(folder, 'build', 'bin', 'llama-server')
}

/** @returns the folder of llama.cpp in it */
async function fetchSource(
  draft: string,
  run: (argv: string[]) => Promise<string>,
): Promise<string> {
  const [package_, unpacked] = [join(draft, 'package'), join(draft, 'source')]
  await run(['python3', '-m', 'pip', ...DOWNLOAD, '-d', package_, REQUIREMENT])
  await mkdir(unpacked)
  const [archive] = await readdir(package_)
  await run(['tar', '-xzf', join(package_, archive!), '-C', unpacked, '--strip-components=1'])
  return join(unpacked, 'vendor', 'llama.cpp')
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
