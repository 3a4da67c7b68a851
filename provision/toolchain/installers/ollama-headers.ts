import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Task } from '../../progress.ts'
import { finishedFolder } from '../finished-folder.ts'
import type { ToolchainOptions } from '../options.ts'
import { PINS } from '../pinned-tools.ts'
import { requireCommand } from '../run-command.ts'
import { type GoModule, loadModule } from './go-build.ts'
import { vectorExtensions } from './vector-extensions.ts'

/**
 * Ollama's module lacks the C and C++ headers that its repository keeps under `vendor`, a name that Go leaves
 * out of modules. The same headers lie elsewhere in other modules: in an Ollama that kept them under `common`
 * (nlohmann/json 3.11.3, where 0.17.4 has 3.12.0) and in the Go bindings of miniaudio.
 */
const OLDER_OLLAMA: GoModule = {
  path: 'github.com/ollama/ollama',
  version: 'v0.9.6',
  sum: 'h1:HZNJmB52pMt6zLkGkkheBuXBXM5478eiSAj7GR75AMc=',
}

const MALGO: GoModule = {
  path: 'github.com/gen2brain/malgo',
  version: 'v0.11.24',
  sum: 'h1:hHcIJVfzWcEDHFdPl5Dl/CUSOjzOleY0zzAV8Kx+imE=',
}

/** Of each module the members that are taken, and what Ollama's code includes them as. */
const HEADERS: { module: GoModule; members: Record<string, string> }[] = [
  {
    module: OLDER_OLLAMA,
    members: {
      'llama/llama.cpp/common/json.hpp': 'nlohmann/json.hpp',
      'llama/llama.cpp/common/stb_image.h': 'stb/stb_image.h',
    },
  },
  { module: MALGO, members: { 'miniaudio.h': 'miniaudio/miniaudio.h' } },
]

const INSTALL_COMPILERS = 'apt-get install gcc g++'

/**
 * Requires the compilers and gathers the headers, in a place that stays the same: Go's cache knows what it
 * compiled by the flags, so an interrupted build goes on.
 * @returns the environment that Go builds Ollama with
 * @throws Failure `unavailable` when a compiler is missing or a module cannot be loaded
 */
export async function ollamaCompilers(
  { cache, env }: ToolchainOptions,
  task: Task,
): Promise<Record<string, string>> {
  for (const compiler of ['gcc', 'g++']) {
    await requireCommand(compiler, 'building Ollama', INSTALL_COMPILERS, env)
  }
  const what = `the headers of Ollama ${PINS.ollama.version}`
  const folder = join(cache, 'tools', `ollama-${PINS.ollama.version}-headers`)
  await finishedFolder(folder, what, task, async draft => {
    for (const { module, members } of HEADERS) {
      const content = await loadModule(module, what, env, task)
      for (const [member, as] of Object.entries(members)) {
        await mkdir(dirname(join(draft, as)), { recursive: true })
        await copyFile(join(content, member), join(draft, as))
      }
    }
    // 3.11.3 as one file has no header with the declarations alone.
    await writeFile(join(draft, 'nlohmann/json_fwd.hpp'), '#include "json.hpp"\n')
  })
  const vectors = (await vectorExtensions()).map(name => `-m${name}`)
  // In quotes: Go takes the flags apart at blanks, and the folder may have some.
  const flags = ['-O3', ...vectors, `"-I${folder}"`].join(' ')
  return { CGO_ENABLED: '1', CGO_CFLAGS: flags, CGO_CXXFLAGS: flags }
}
