import { readFileSync } from 'node:fs'
import type { Wrong } from '../egress/egress-settings.ts'
import { ollamaRecordOf } from './home-paths.ts'
import { ollamaImage } from './image-settings.ts'
import {
  DEFAULT_OLLAMA,
  SUPPORTED_OLLAMA,
  versionOfImage,
  versionProblem,
} from './ollama-version.ts'

/** The Ollama of a stack: its version, and the image of that version for targets that run containers. */
interface ChosenOllama {
  version: string
  image: string
}

/**
 * The Ollama that settings ask for: of the version they name, of the image they name, else what the stack was deployed
 * with, so that a newer default changes no stack that runs.
 * @param version as ollamaVersion says it, or empty
 * @param image as images.ollama says it
 * @throws Failure `misused` for a version that is not supported, and for two that contradict each other
 */
export function chosenOllama(
  version: string,
  image: string | undefined,
  deployed: () => string | undefined,
  wrong: Wrong,
): ChosenOllama {
  const tagged = image && versionOfImage(image)
  if (image !== undefined && tagged === undefined && version === '') {
    const allowed =
      'an image whose tag is a version of Ollama, or ollamaVersion saying which one it has'
    throw wrong('images.ollama', image, allowed)
  }
  if (tagged !== undefined && version !== '' && tagged !== version) {
    throw wrong('ollamaVersion', version, `${tagged}, which images.ollama has, or another image`)
  }
  const asked = version || tagged
  const problem = asked && versionProblem(asked)
  if (problem) {
    const [key, value] = version ? ['ollamaVersion', version] : ['images.ollama', image]
    throw wrong(key!, value, `a version out of ${SUPPORTED_OLLAMA}: ${asked} ${problem}`)
  }
  const taken = asked ?? deployed() ?? DEFAULT_OLLAMA
  return { version: taken, image: image ?? ollamaImage(taken) }
}

/** The version of Ollama that a home folder's stack was deployed with; undefined where none was, or nothing says so. */
export function recordedOllama(home: string): string | undefined {
  try {
    const { version } = JSON.parse(readFileSync(ollamaRecordOf(home), 'utf8')) as {
      version?: unknown
    }
    return typeof version === 'string' && versionProblem(version) === undefined
      ? version
      : undefined
  } catch {
    return undefined
  }
}
