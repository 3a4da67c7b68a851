import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../../infra/failure.ts'

/** Names a folder with llama.cpp's own programs, as its CMake build has them in `bin`. */
const VARIABLE = 'KNOWLEDGE_STACK_TEST_LLAMA_CPP'

/**
 * The path of one of llama.cpp's programs.
 * @throws Failure where nobody built it
 */
export async function toolOfLlamaCpp(name: string): Promise<string> {
  const folder = process.env[VARIABLE]
  const path = folder && join(folder, name)
  const isThere =
    path &&
    (await access(path).then(
      () => true,
      () => false,
    ))
  if (isThere) return path
  throw new Failure('unavailable', `${VARIABLE} is "${folder ?? ''}", and no folder with ${name}`, {
    mend: `build ${name} with CMake from vendor/llama.cpp of llama-cpp-python's source package (pip download --no-binary :all: --no-deps llama-cpp-python==0.3.36)`,
  })
}
