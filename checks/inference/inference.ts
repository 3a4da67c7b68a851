import { Failure } from '../../infra/failure.ts'
import type { DeployedModel } from '../../infra/outputs.ts'
import { derivedFrom } from '../../infra/settings/model-definition.ts'
import {
  type ChatAnswer,
  type ChatOptions,
  type ChatPart,
  chat,
  chatStream,
  type Message,
} from './chat.ts'
import { type EmbedOptions, embed } from './embed.ts'
import { type ModelStatus, modelStatus } from './model-status.ts'
import type { OllamaServer } from './ollama-server.ts'
import { load, loadedOtherwise, unload } from './residence.ts'

/** The deployment's models, each asked on the pool that it was placed in. */
export class Inference {
  readonly models: readonly DeployedModel[]
  readonly #pools: ReadonlyMap<string, OllamaServer>

  constructor(models: readonly DeployedModel[], pools: ReadonlyMap<string, OllamaServer>) {
    this.models = models
    this.#pools = pools
  }

  /**
   * The first model of a role: of two for embedding the one that the data was made with. Or the one of a name.
   * @throws Failure `misused` when the deployment has none
   */
  model(role: DeployedModel['role'], name?: string): DeployedModel {
    const all = this.models.filter(candidate => candidate.role === role)
    const model = name === undefined ? all[0] : all.find(candidate => candidate.name === name)
    if (model !== undefined) return model
    if (name === undefined) throw new Failure('misused', `The deployment has no ${role} model`)
    throw new Failure('misused', `The deployment has no ${role} model ${name}`, {
      mend: `set knowledge-stack:${role}Model to it, and deploy it: npm run up`,
    })
  }

  /** The server that a model was placed on. */
  server(model: DeployedModel): OllamaServer {
    const server = this.#pools.get(model.pool)
    if (server === undefined) {
      const pools = [...this.#pools.keys()].join(', ')
      throw new Failure(
        'misused',
        `${model.name} is placed in the pool ${model.pool}; the deployment has ${pools}`,
      )
    }
    return server
  }

  /** By the first embedding model, or by another one. */
  embed(
    texts: readonly string[],
    { model = this.model('embedding'), ...options }: EmbedOptions & { model?: DeployedModel } = {},
  ): Promise<number[][]> {
    return embed(this.server(model), model, texts, options)
  }

  chat(messages: Message[], options?: ChatOptions): Promise<ChatAnswer> {
    const model = this.model('chat')
    return chat(this.server(model), model, messages, options)
  }

  chatStream(messages: Message[], options?: ChatOptions): AsyncGenerator<ChatPart, void> {
    const model = this.model('chat')
    return chatStream(this.server(model), model, messages, options)
  }

  status(signal?: AbortSignal): Promise<ModelStatus[]> {
    return Promise.all(this.models.map(model => modelStatus(this.server(model), model, signal)))
  }

  load(model: DeployedModel, signal?: AbortSignal): Promise<void> {
    return load(this.server(model), model, signal)
  }

  unload(model: DeployedModel, signal?: AbortSignal): Promise<void> {
    return unload(this.server(model), model, signal)
  }

  /**
   * Loads a model anew that is in memory otherwise than planned, such as under the name that it was derived from.
   * @returns whether anything was to be done
   */
  async loadAsPlanned(model: DeployedModel, signal?: AbortSignal): Promise<boolean> {
    const found = loadedOtherwise(model, await this.server(model).running(signal))
    if (found !== undefined) await this.reload(model, signal)
    return found !== undefined
  }

  /**
   * Takes out of memory what an earlier deployment served and this one does not: its room is not planned, and Ollama
   * answers for another name with the same weights under the one that they were loaded by (seen with 0.17.4).
   */
  async unloadUnserved(signal?: AbortSignal): Promise<void> {
    const served = new Set(this.models.map(({ serves }) => serves))
    for (const server of this.#pools.values()) {
      for (const { name } of await server.running(signal)) {
        if (derivedFrom(name) === undefined || served.has(name)) continue
        await unload(server, { serves: name, name }, signal)
      }
    }
  }

  async reload(model: DeployedModel, signal?: AbortSignal): Promise<void> {
    await this.unload(model, signal)
    await this.load(model, signal)
  }
}
