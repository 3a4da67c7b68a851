import { Readable } from 'node:stream'
import type { CreateRequest, Ollama } from 'ollama'
import { z } from 'zod'
import { type Mends, OllamaServer, type StoredModel } from '../../checks/inference/ollama-server.ts'
import { type ModelManifest, readManifest } from '../../checks/models/model-files.ts'
import { bearer } from '../../checks/transport/connect.ts'
import { type Call, Connection } from '../../checks/transport/connection.ts'
import { isMissing } from '../../checks/transport/server-error.ts'
import type { ModelArgs } from '../../infra/resources.ts'
import { type Millis, seconds } from '../../infra/units.ts'

/** Where an Ollama is, whose token it takes, and its model folder on this machine where that can be read. */
export type OllamaAddress = ModelArgs['ollama']

/** A model that the server has under a name. */
export interface Installed {
  /** sha256 of its manifest in hex, as `/api/tags` shows it: of this server, see ModelManifest.digest. */
  digest: string
  sizeBytes: number
  /** Present where the server's folder can be read. */
  manifest?: ModelManifest
}

/** What /api/show says of a model, as far as it is used here. */
const Shown = z.object({
  /** Names the file of the weights in a line that starts with FROM. */
  modelfile: z.string(),
  template: z.string().default(''),
  system: z.string().default(''),
  /** One option a line: name, blanks, value. */
  parameters: z.string().default(''),
  /** The metadata of its file, without long lists. */
  model_info: z.record(z.string(), z.unknown()).default({}),
})
export type Shown = z.infer<typeof Shown>

/** For what the server answers from what it has. */
const ANSWER_WITHIN: Millis = seconds(30)
/** One model is worked on at a time; a request that was given up may take a moment to end. */
const CONNECTIONS = 2
const NOT_RUNNING = 'start it with: npm run up'
const MENDS: Mends = { unreachable: NOT_RUNNING, late: NOT_RUNNING }

/** The models of one Ollama, for those who put them there. Its methods throw ServerError. */
export class OllamaStore {
  readonly url: string
  /** The server's model folder on this machine, where it can be read. */
  readonly modelsFolder: string | undefined
  readonly #server: OllamaServer
  readonly #signal: AbortSignal
  readonly #deadline: Millis

  /**
   * @param signal ends every request
   * @param deadline of each that may take long: a pull, the upload of a file, the making of a model
   */
  constructor(
    { url, token, modelsFolder }: OllamaAddress,
    signal: AbortSignal,
    deadline: Millis = ANSWER_WITHIN,
  ) {
    const options = { maxConnections: CONNECTIONS, headers: bearer(token) }
    this.url = url
    this.modelsFolder = modelsFolder
    this.#server = new OllamaServer(new Connection('Ollama', url, options), MENDS)
    this.#signal = signal
    this.#deadline = deadline
  }

  /** All that the server lists. */
  list(): Promise<StoredModel[]> {
    return this.#server.stored(this.#signal, ANSWER_WITHIN)
  }

  /** @param name with its tag */
  async find(name: string): Promise<Installed | undefined> {
    const models = await this.list()
    const found = models.find(model => model.name === name)
    if (found === undefined) return undefined
    const manifest = this.modelsFolder && (await readManifest(this.modelsFolder, name))
    return { digest: found.digest, sizeBytes: found.size, ...(manifest && { manifest }) }
  }

  /** Of the server: `0.17.4`. */
  version(): Promise<string> {
    return this.#server.version(this.#signal)
  }

  show(model: string): Promise<Shown> {
    const call: Call = { method: 'POST', body: { model }, ...this.#lookup }
    return this.#server.json('/api/show', Shown, call)
  }

  async copy(source: string, destination: string): Promise<void> {
    await this.#server.call(this.#lookup, client => client.copy({ source, destination }))
  }

  async delete(model: string): Promise<void> {
    const call = { ...this.#lookup, repeatable: false }
    await this.#server.call(call, client => client.delete({ model }))
  }

  /**
   * Has Ollama do something that it reports on, step by step.
   * @param signal ends it, as that of the store does
   */
  async follow<Step>(
    start: (client: Ollama) => Promise<AsyncIterable<Step>>,
    onStep: (step: Step) => void,
    signal: AbortSignal = this.#signal,
  ): Promise<void> {
    const either = AbortSignal.any([signal, this.#signal])
    await this.#server.call({ ...this.#long, signal: either }, async client => {
      for await (const step of await start(client)) onStep(step)
    })
  }

  /**
   * Has Ollama make a model, of files that it holds as blobs or from another model.
   * @param request.files path → `sha256:<hex>` of the blob; missing in the package's own type
   */
  create(
    request: CreateRequest & { files?: Record<string, string> },
    report: (status: string) => void,
  ): Promise<void> {
    const start = (client: Ollama) => client.create({ ...request, stream: true })
    return this.follow(start, ({ status }) => report(status))
  }

  /**
   * Uploads a file as a blob.
   * @param digest `sha256:<hex>` of the content
   * @returns false when Ollama has it already
   */
  async upload(digest: string, content: () => AsyncIterable<Buffer>): Promise<boolean> {
    const { connection } = this.#server
    const blob = `${connection.url}/api/blobs/${digest}`
    const send = (call: Call, init: object) =>
      this.#server.call(call, (_client, fetch) => fetch(blob, init))
    try {
      await send(this.#lookup, { method: 'HEAD' })
      return false
    } catch (error) {
      if (!isMissing(error)) throw error
    }
    const body = Readable.toWeb(Readable.from(content()))
    await send(this.#long, { method: 'POST', body, duplex: 'half' })
    return true
  }

  close(): Promise<void> {
    return this.#server.connection.close()
  }

  get #lookup(): Call {
    return { deadline: ANSWER_WITHIN, repeatable: true, signal: this.#signal }
  }

  get #long(): Call {
    return { deadline: this.#deadline, repeatable: false, signal: this.#signal }
  }
}

/** Digests of the weights: `sha256:<hex>`. */
export function weightsOf({ modelfile }: Shown): string[] {
  return [...modelfile.matchAll(/^FROM .*sha256-([0-9a-f]{64})$/gm)].map(
    ([, hex]) => `sha256:${hex}`,
  )
}
