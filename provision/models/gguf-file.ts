import { stat } from 'node:fs/promises'
import type { GGUFParseOutput } from '@huggingface/gguf'
import { blobPath, type ManifestLayer, weightsAmong } from '../../checks/models/model-files.ts'
import type { Architecture } from '../../infra/capacity/model/architecture.ts'
import {
  architectureOfFile,
  type Metadata,
  type TensorInfo,
} from '../../infra/capacity/model/gguf-metadata.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { formatBytes, MiB, seconds } from '../../infra/units.ts'

/** The head of the largest vocabularies takes some 20 MiB; a server that sends more was not asked for a range. */
const MAX_HEAD = 64 * MiB
const REQUEST_TIMEOUT = seconds(30)

/**
 * Reads the architecture from a model's GGUF file: only its head, whatever its size.
 * @param location path of a file, or a URL on a server that answers ranges, such as
 *   `https://registry.ollama.ai/v2/library/llama3.2/blobs/sha256:…`
 * @throws Failure `misused` for what is no GGUF, `unavailable` for a server or file that cannot be read
 */
export async function readGguf(location: string): Promise<Architecture> {
  const remote = /^https?:\/\//.test(location)
  let size = remote ? 0 : await fileSize(location)
  // Loaded only now: an update whose models are on record reads no file.
  const { gguf } = await import('@huggingface/gguf')
  const parsed = await gguf(location, {
    allowLocalFile: !remote,
    fetch: async (url, init) => {
      const response = await fetchRange(url, init)
      size = totalOf(response)
      return response
    },
  }).catch(error => {
    throw error instanceof Failure ? error : notGguf(location, reasonOf(error), error)
  })
  const metadata = parsed.metadata as unknown as Metadata
  return architectureOfFile(metadata, tensorsOf(parsed, size, location), size, location)
}

/**
 * The architecture of a model in an Ollama store.
 * @param layers of its manifest
 * @returns undefined where the store cannot be read from here, or holds what is no GGUF
 */
export async function architectureIn(
  layers: readonly ManifestLayer[],
  modelsFolder: string | undefined,
): Promise<Architecture | undefined> {
  const [weights] = weightsAmong(layers)
  if (weights === undefined || modelsFolder === undefined) return undefined
  try {
    const architecture = await readGguf(blobPath(modelsFolder, weights.digest))
    // A digest is the same on every machine, a path is not.
    return { ...architecture, source: weights.digest }
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** Bytes of each tensor from where the next one starts, so that no table of types is needed. */
function tensorsOf(parsed: GGUFParseOutput, fileBytes: number, location: string): TensorInfo[] {
  const start = Number(parsed.tensorDataOffset)
  const ordered = parsed.tensorInfos.toSorted((a, b) => Number(a.offset - b.offset))
  return ordered.map((tensor, index) => {
    const next = ordered[index + 1]
    const end = next === undefined ? fileBytes - start : Number(next.offset)
    const bytes = end - Number(tensor.offset)
    const elements = tensor.shape.reduce((product, count) => product * Number(count), 1)
    // No type stores an element in less than a bit, none in more than 8 bytes (and what alignment adds).
    if (bytes <= 0 || elements > bytes * 8 || bytes > elements * 8 + MiB) {
      const has = `${formatBytes(bytes)} for ${elements} numbers`
      throw notGguf(location, `tensor ${tensor.name} has ${has}: the file is cut short or damaged`)
    }
    return { name: tensor.name, shape: tensor.shape.map(Number), bytes, type: tensor.dtype }
  })
}

/** One range of a file on a server; a server that would send the whole file is refused before it does. */
const fetchRange: typeof fetch = async (url, init) => {
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT)
  const response = await fetch(url, { ...init, signal }).catch(error => {
    throw new Failure('unavailable', `${url} cannot be read: ${reasonOf(error)}`, { cause: error })
  })
  const whole = Number(response.headers.get('content-length') ?? Number.POSITIVE_INFINITY)
  if (response.status === 206 || (response.status === 200 && whole <= MAX_HEAD)) return response
  await response.body?.cancel()
  const why =
    response.status === 200
      ? 'the server ignores ranges and would send the whole file'
      : `the server answered ${response.status}`
  throw new Failure('unavailable', `${url} cannot be read: ${why}`, {
    mend: 'download the file and name its path',
  })
}

/** Of `bytes 0-1999999/13793441244`, the last number. */
function totalOf(response: Response): number {
  const range = response.headers.get('content-range')
  return Number(range?.split('/')[1] ?? response.headers.get('content-length'))
}

async function fileSize(path: string): Promise<number> {
  const found = await stat(path).catch(error => {
    const isMissing = error.code === 'ENOENT'
    const why = isMissing ? 'there is no such file or folder' : reasonOf(error)
    throw new Failure('misused', `${path} cannot be read: ${why}`, {
      mend: 'name a GGUF file, or a folder with one',
      cause: error,
    })
  })
  if (found.isFile()) return found.size
  throw new Failure('misused', `${path} is no file`, { mend: 'name a GGUF file' })
}

const notGguf = (location: string, why: string, cause?: unknown): Failure =>
  new Failure('misused', `${location} is not a GGUF file that can be read: ${why}`, {
    mend: 'name the GGUF file of a model; what Ollama stores is in blobs/sha256-…',
    cause,
  })
