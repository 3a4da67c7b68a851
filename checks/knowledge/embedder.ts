import { Failure } from '../../infra/failure.ts'
import type { Prefixes } from '../../infra/models.ts'
import { chunkLength } from './chunk.ts'

/** Turns texts into vectors, in the same order. */
export type Embed = (texts: string[], signal?: AbortSignal) => Promise<number[][]>

/** The deployment's embedding model as the store uses it: with its prefixes, and sure of its vectors' length. */
export class TextEmbedder {
  /** UTF-16 code units that a chunk may have. */
  readonly chunkLength: number
  readonly #embed: Embed
  readonly #prefixes: Prefixes
  readonly #dimension: number

  constructor(
    embed: Embed,
    model: { prefixes: Prefixes; dimension: number; contextLength: number },
  ) {
    this.#embed = embed
    this.#prefixes = model.prefixes
    this.#dimension = model.dimension
    this.chunkLength = chunkLength(model.contextLength, model.prefixes.document)
  }

  async documents(texts: readonly string[], signal?: AbortSignal): Promise<number[][]> {
    if (texts.length === 0) return []
    const vectors = await this.#embed(
      texts.map(text => this.#prefixes.document + text),
      signal,
    )
    return vectors.map(vector => this.accept(vector))
  }

  async query(text: string, signal?: AbortSignal): Promise<number[]> {
    const [vector] = await this.#embed([this.#prefixes.query + text], signal)
    return this.accept(vector)
  }

  /** @throws Failure `misused` for a vector of another length, with gaps in it, or without a direction */
  accept(vector: unknown): number[] {
    if (!Array.isArray(vector) || vector.length !== this.#dimension) {
      const found = Array.isArray(vector) ? `${vector.length} numbers` : typeof vector
      throw new Failure('misused', `A vector has ${found}; this store takes ${this.#dimension}`)
    }
    if (!vector.every(Number.isFinite)) {
      throw new Failure('misused', 'A vector holds something else than finite numbers')
    }
    if (vector.every(part => part === 0)) {
      throw new Failure('misused', 'A vector is all zeros: it has no direction to compare')
    }
    return vector
  }
}
