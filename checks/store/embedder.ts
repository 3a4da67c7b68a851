import { Failure } from '../../infra/failure.ts'
import type { Prefixes } from '../../infra/settings/model-definition.ts'
import { chunkLength } from './records/chunk.ts'

/**
 * Chroma stores numbers of 32 bits and multiplies them with each other: what is longer or shorter would become infinite
 * or nothing there, and its distance no number.
 */
const SHORTEST = 1e-15
const LONGEST = 1e15

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

  /**
   * @throws Failure `misused` for a vector of another dimension, with something else than numbers in it, or whose
   *   length is not from SHORTEST to LONGEST
   */
  accept(vector: unknown): number[] {
    if (!Array.isArray(vector) || vector.length !== this.#dimension) {
      const found = Array.isArray(vector) ? `${vector.length} numbers` : typeof vector
      throw new Failure('misused', `A vector has ${found}; this store takes ${this.#dimension}`)
    }
    let squares = 0
    for (const part of vector) {
      if (!Number.isFinite(part)) {
        throw new Failure('misused', 'A vector holds something else than finite numbers')
      }
      squares += part * part
    }
    if (squares === 0 && vector.every(part => part === 0)) {
      throw new Failure('misused', 'A vector is all zeros: it has no direction to compare')
    }
    const length = Math.sqrt(squares)
    if (length < SHORTEST || length > LONGEST) {
      throw new Failure(
        'misused',
        `The length of a vector is ${length.toExponential(0)}; allowed is ${SHORTEST.toExponential()} to ${LONGEST.toExponential()}`,
        { mend: 'scale it to length 1: only its direction counts' },
      )
    }
    return vector
  }
}
