import type { DeployedModel } from '../../infra/outputs.ts'
import { type Millis, minutes } from '../../infra/units.ts'
import { ServerError } from '../transport/server-error.ts'
import type { OllamaServer } from './ollama-server.ts'

/** Room for a model that is loaded first. */
const DEADLINE: Millis = minutes(5)
/** Few enough for the deadline on a slow machine, and enough that a request's own time does not count. */
const BATCH = 64

export interface EmbedOptions {
  signal?: AbortSignal | undefined
  deadline?: Millis
}

/**
 * The vectors of some texts, in their order, as the model gives them: no prefix is put before them.
 * A text longer than the model's context is refused, never cut off unseen.
 * @throws ServerError; `faulty` when the answer has another number of vectors, or vectors of another length,
 *   than it should, or something else than numbers in them
 */
export async function embed(
  server: OllamaServer,
  model: DeployedModel,
  texts: readonly string[],
  options: EmbedOptions = {},
): Promise<number[][]> {
  const vectors: number[][] = []
  for (let start = 0; start < texts.length; start += BATCH) {
    const input = texts.slice(start, start + BATCH)
    const call = {
      deadline: options.deadline ?? DEADLINE,
      signal: options.signal,
      repeatable: true,
    }
    const answer = await server.call(call, client =>
      client.embed({ model: model.serves, input, truncate: false }),
    )
    check(server, model, input.length, answer.embeddings)
    vectors.push(...answer.embeddings)
  }
  return vectors
}

function check(server: OllamaServer, model: DeployedModel, count: number, vectors: unknown): void {
  const wrong = whatIsWrong(model.dimensions, count, vectors)
  if (wrong === undefined) return
  throw new ServerError('faulty', `${model.serves} on ${server.connection.label} ${wrong}`)
}

function whatIsWrong(dimensions: number | undefined, count: number, vectors: unknown) {
  if (!Array.isArray(vectors) || vectors.length !== count) {
    const found = Array.isArray(vectors) ? vectors.length : 'no'
    return `gave ${found} vectors for ${count} texts`
  }
  for (const vector of vectors as unknown[]) {
    if (!Array.isArray(vector)) return 'gave something else than vectors'
    if (dimensions !== undefined && vector.length !== dimensions) {
      return `gives vectors of ${vector.length} numbers; the deployment says ${dimensions}`
    }
    if (!vector.every(Number.isFinite))
      return 'gave a vector with something else than finite numbers in it'
  }
  return undefined
}
