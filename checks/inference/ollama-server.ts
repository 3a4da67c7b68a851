import { Ollama } from 'ollama'
import { z } from 'zod'
import { type Bytes, type Millis, seconds } from '../../infra/units.ts'
import type { Call, Connection } from '../transport/connection.ts'
import { ServerError, type ServerErrorReason } from '../transport/server-error.ts'

const LOOK_DEADLINE: Millis = seconds(10)

const StoredModel = z.object({ name: z.string(), digest: z.string(), size: z.number() })
const RunningModel = z.object({
  name: z.string(),
  digest: z.string(),
  size: z.number(),
  size_vram: z.number(),
  context_length: z.int().optional(),
})

export interface StoredModel {
  name: string
  /** sha256 of the manifest, as 64 hex digits. */
  digest: string
  size: Bytes
}

export interface RunningModel {
  name: string
  /** What the server reckons the model takes, in all and of it on GPUs. */
  size: Bytes
  gpuSize: Bytes
  /** Tokens it was loaded for; absent on servers that do not say. */
  contextLength: number | undefined
}

const MENDS: Partial<Record<ServerErrorReason, string>> = {
  missing: 'pull the models: npm run models',
  memory: 'see what fits instead: npm run plan',
  busy: 'try again when fewer requests are under way',
}

/** One Ollama server: what it holds and runs, and the `ollama` client bound to one call's deadline and signal. */
export class OllamaServer {
  readonly connection: Connection

  constructor(connection: Connection) {
    this.connection = connection
  }

  /**
   * Something with the client. Its own fetch has neither pool nor deadline, and it prints errors that are no JSON
   * to standard output; with this fetch it meets no failed answer.
   * @throws ServerError with the reason, and what mends it where something does
   */
  async call<T>(call: Call, use: (client: Ollama) => Promise<T>): Promise<T> {
    try {
      return await use(this.client(call))
    } catch (error) {
      throw this.explain(error, call)
    }
  }

  client(call: Call): Ollama {
    return new Ollama({ host: this.connection.url, fetch: this.connection.fetchFor(call) })
  }

  explain(error: unknown, call: Call): unknown {
    const known = this.connection.explain(error, call)
    if (!(known instanceof ServerError)) return known
    const mend = MENDS[known.reason]
    if (mend === undefined) return known
    return new ServerError(known.reason, known.message, { mend, cause: known.cause })
  }

  /** The models in the server's store. */
  async stored(signal?: AbortSignal): Promise<StoredModel[]> {
    const schema = z.object({ models: z.array(StoredModel) })
    const call = { deadline: LOOK_DEADLINE, repeatable: true, signal }
    return (await this.connection.json('/api/tags', schema, call)).models
  }

  /** The models in memory now. */
  async running(signal?: AbortSignal): Promise<RunningModel[]> {
    const schema = z.object({ models: z.array(RunningModel) })
    const call = { deadline: LOOK_DEADLINE, repeatable: true, signal }
    const { models } = await this.connection.json('/api/ps', schema, call)
    return models.map(({ name, size, size_vram, context_length }) => ({
      name,
      size,
      gpuSize: size_vram,
      contextLength: context_length,
    }))
  }
}
