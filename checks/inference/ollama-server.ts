import { Ollama } from 'ollama'
import { z } from 'zod'
import { type Millis, seconds } from '../../infra/units.ts'
import type { Call, Connection, Fetch, OpenCall } from '../transport/connection.ts'
import { reasonOfStatus, ServerError, type ServerErrorReason } from '../transport/server-error.ts'

const LOOK_DEADLINE: Millis = seconds(10)

const StoredModel = z.object({
  name: z.string(),
  /** sha256 of the manifest, as 64 hex digits. */
  digest: z.string(),
  /** Bytes. */
  size: z.number(),
})
export type StoredModel = z.infer<typeof StoredModel>

const RunningModel = z
  .object({
    name: z.string(),
    size: z.number(),
    size_vram: z.number(),
    context_length: z.int().optional(),
  })
  .transform(({ name, size, size_vram, context_length }) => ({
    name,
    /** Bytes that the server reckons the model takes, in all and of it on GPUs. */
    size,
    gpuSize: size_vram,
    /** Tokens it was loaded for; absent on servers that do not say. */
    contextLength: context_length,
  }))
export type RunningModel = z.infer<typeof RunningModel>

/** What mends an error, by its reason. */
export type Mends = Partial<Record<ServerErrorReason, string>>

const MENDS: Mends = {
  missing: 'pull the models: npm run models',
  memory: 'see what fits instead: npm run plan',
  busy: 'try again when fewer requests are under way',
}

/** One Ollama server: what it holds and runs, and the `ollama` client bound to one call's deadline and signal. */
export class OllamaServer {
  readonly connection: Connection
  readonly #mends: Mends

  constructor(connection: Connection, mends: Mends = MENDS) {
    this.connection = connection
    this.#mends = mends
  }

  /**
   * Something with the client. Its own fetch has neither pool nor deadline, and it prints errors that are no JSON
   * to standard output; with this fetch it meets no failed answer.
   * @throws ServerError with the reason, and what mends it where something does
   */
  async call<T>(call: Call, use: (client: Ollama, fetch: Fetch) => Promise<T>): Promise<T> {
    const open = this.open(call)
    try {
      return await use(open.client, open.fetch)
    } catch (error) {
      throw this.explain(error, call)
    } finally {
      open.end()
    }
  }

  /** Begins a call whose answer is read piece by piece. Whoever does so ends it. */
  open(call: Call): OpenCall & { client: Ollama } {
    const open = this.connection.open(call)
    return { ...open, client: new Ollama({ host: this.connection.url, fetch: open.fetch }) }
  }

  /** What an error of the client means: a ServerError, or the reason why the caller gave up. */
  explain(error: unknown, call: Call): unknown {
    const known = this.connection.explain(error, call)
    if (!(known instanceof ServerError)) return known
    const { message, cause } = known
    // An error in the middle of a stream comes without a status; it is the server's own, as with a 500.
    const reason = known.reason === 'faulty' ? reasonOfStatus(500, message) : known.reason
    const mend = this.#mends[reason] ?? known.mend
    return new ServerError(reason, message, { ...(mend !== undefined && { mend }), cause })
  }

  /** One call whose answer is JSON. @throws ServerError as `call` does */
  async json<Schema extends z.ZodType>(path: string, schema: Schema, call: Call) {
    try {
      return await this.connection.json(path, schema, call)
    } catch (error) {
      throw this.explain(error, call)
    }
  }

  /** What it says that it is: `0.17.4`. */
  async version(signal?: AbortSignal): Promise<string> {
    const schema = z.object({ version: z.string() })
    const call = { deadline: LOOK_DEADLINE, repeatable: true, signal }
    return (await this.json('/api/version', schema, call)).version
  }

  /** The models in the server's store. */
  async stored(signal?: AbortSignal, deadline = LOOK_DEADLINE): Promise<StoredModel[]> {
    const schema = z.object({ models: z.array(StoredModel) })
    return (await this.json('/api/tags', schema, { deadline, repeatable: true, signal })).models
  }

  /** The models in memory now. */
  async running(signal?: AbortSignal): Promise<RunningModel[]> {
    const schema = z.object({ models: z.array(RunningModel) })
    const call = { deadline: LOOK_DEADLINE, repeatable: true, signal }
    return (await this.json('/api/ps', schema, call)).models
  }
}
