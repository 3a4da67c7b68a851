import { Failure } from '../../infra/failure.ts'
import type { Prefixes } from '../../infra/settings/model-definition.ts'
import type { EmbeddingTurns } from './embedding-turns.ts'
import { chunkLength } from './records/chunk.ts'

/**
 * Chroma stores numbers of 32 bits and multiplies them with each other: what is longer or shorter would become infinite
 * or nothing there, and its distance no number.
 */
const SHORTEST = 1e-15
const LONGEST = 1e15

/** The deployment's embedding model as the store uses it: with its prefixes, and sure of its vectors' length. */
export class TextEmbedder {
  /** UTF-16 code units that a chunk may have. */
  readonly chunkLength: number
  readonly #turns: EmbeddingTurns
  readonly #prefixes: Prefixes
  readonly #dimension: number

  constructor(
    turns: EmbeddingTurns,
    model: { prefixes: Prefixes; dimension: number; contextLength: number },
  ) {
    this.#turns = turns
    this.#prefixes = model.prefixes
    this.#dimension = model.dimension
    this.chunkLength = chunkLength(model.contextLength, model.prefixes.document)
  }

  /** @param writer whose documents they are of; writers take turns */
  async documents(
    texts: readonly string[],
    writer: string,
    signal?: AbortSignal,
  ): Promise<number[][]> {
    const prefixed = texts.map(text => this.#prefixes.document + text)
    const vectors = await this.#turns.documents(prefixed, writer, signal)
    return vectors.map(vector => this.accept(vector))
  }

  /** @param asker whose question it is; it comes before all documents, and askers take turns */
  async query(text: string, asker: string, signal?: AbortSignal): Promise<number[]> {
    const [vector] = await this.#turns.question(this.#prefixes.query + text, asker, signal)
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
