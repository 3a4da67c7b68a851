import { Ollama } from 'ollama'
import { type Manifest, readManifest } from '../../checks/models/model-files.ts'
import { bearer } from '../../checks/transport/connect.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { formatDuration, seconds } from '../../infra/units.ts'

/** An Ollama server, as the provisioner knows it. */
export interface OllamaStore {
  url: string
  /** The provisioner's, where a front stands before it. */
  token?: string
  /** Its model folder on this machine, where it can be read. */
  modelsFolder?: string
}

/** A model that the server has under a name. */
export interface Installed {
  /** sha256 of its manifest in hex, as `/api/tags` shows it: of this server, see Manifest.digest. */
  digest: string
  sizeBytes: number
  /** Present where the server's folder can be read. */
  manifest?: Manifest
}

/** For questions that only look something up. */
const ANSWER_WITHIN = seconds(30)

/** A client whose requests all end with the signal; the package's own abort covers streams only. */
export function clientOf(server: OllamaStore, signal: AbortSignal): Ollama {
  return new Ollama({
    host: server.url,
    headers: headersOf(server),
    async fetch(input, init) {
      const either = init?.signal ? AbortSignal.any([init.signal, signal]) : signal
      const answer = await fetch(input, { ...init, signal: either })
      // The package writes to standard output about errors that are not JSON, such as a proxy's.
      if (!answer.ok) throw new Error(`${answer.status} ${errorIn(await answer.text())}`)
      return answer
    },
  })
}

/** What goes along with every request to the server. */
export const headersOf = ({ token }: OllamaStore): Record<string, string> => bearer(token)

/** @param body `{"error": "…"}` from Ollama, anything from others */
function errorIn(body: string): string {
  try {
    return JSON.parse(body).error
  } catch {
    return body
  }
}

/**
 * Asks for something that the server answers from what it has.
 * @throws Failure `unavailable` when the server does not answer; what it answers with an error is thrown as it is
 */
export async function ask<Answer>(
  server: OllamaStore,
  signal: AbortSignal,
  question: (ollama: Ollama) => Promise<Answer>,
): Promise<Answer> {
  const limit = AbortSignal.timeout(ANSWER_WITHIN)
  try {
    return await question(clientOf(server, AbortSignal.any([signal, limit])))
  } catch (error) {
    signal.throwIfAborted()
    if (limit.aborted) throw silent(server, `nothing within ${formatDuration(ANSWER_WITHIN)}`)
    if (isConnectionLost(error)) throw silent(server, reasonOf(error))
    throw error
  }
}

/** What fetch throws when there is no server, or when it went away in the middle. */
export const isConnectionLost = (error: unknown): boolean => error instanceof TypeError

export function silent({ url }: OllamaStore, reason: string): Failure {
  return new Failure('unavailable', `Ollama at ${url} does not answer: ${reason}`, {
    mend: 'start it with: npm run up',
  })
}

/** @param name with its tag */
export async function findInstalled(
  name: string,
  server: OllamaStore,
  signal: AbortSignal,
): Promise<Installed | undefined> {
  const { models } = await ask(server, signal, ollama => ollama.list())
  const found = models.find(model => model.name === name)
  if (found === undefined) return undefined
  const manifest = server.modelsFolder && (await readManifest(server.modelsFolder, name))
  return { digest: found.digest, sizeBytes: found.size, ...(manifest && { manifest }) }
}
