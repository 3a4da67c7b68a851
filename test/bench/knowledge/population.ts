import type { NewDocument } from '../../../checks/store/records/document.ts'

export const DIMENSION = 384
const TOPICS = 64
export const CHUNKS_PER_DOCUMENT = 10
const TEXT = 'What a creator knows, in as many words as a chunk has. '.repeat(8)
/** How far a chunk lies from its topic, beside the topic's own length: neighbours are near, as real texts are. */
const SPREAD = 1.2

/** Creators with Zipf-shaped numbers of chunks. Whatever is asked for twice is the same. */
export class Population {
  /** Chunks of each creator, the largest first. */
  readonly sizes: readonly number[]
  readonly #topics: Float64Array[]
  readonly #text: string

  /** @param shape of each chunk, where that is not as large as real ones are */
  constructor(
    creators: number,
    chunks: number,
    { dimension = DIMENSION, text = TEXT }: { dimension?: number; text?: string } = {},
  ) {
    this.#text = text
    const harmonic = Array.from({ length: creators }, (_, rank) => 1 / (rank + 1))
    const whole = harmonic.reduce((sum, share) => sum + share, 0)
    // One each, and of the rest by rank. What is rounded goes on to the next, so that none is lost.
    let due = 0
    let given = 0
    this.sizes = harmonic
      .map(share => {
        due += ((chunks - creators) * share) / whole
        const more = Math.round(due) - given
        given += more
        return 1 + more
      })
      .sort((a, b) => b - a)
    const random = randomFrom(1)
    this.#topics = Array.from({ length: TOPICS }, () => direction(random, dimension))
  }

  id(creator: number): string {
    return `creator-${creator}`
  }

  vector(creator: number, chunk: number): number[] {
    return this.#near(creator % TOPICS, randomFrom(creator * 65_537 + chunk * 97 + 11))
  }

  /** Something that is asked about a creator's topic. */
  question(creator: number, number: number): number[] {
    return this.#near(creator % TOPICS, randomFrom(creator * 31 + number * 1_000_003 + 7))
  }

  /** @param size chunks; needed of a creator beyond the population */
  documents(creator: number, size = this.sizes[creator] ?? 0): NewDocument[] {
    const documents: NewDocument[] = []
    for (let first = 0; first < size; first += CHUNKS_PER_DOCUMENT) {
      const length = Math.min(CHUNKS_PER_DOCUMENT, size - first)
      const chunks = Array.from({ length }, (_, index) => ({
        text: `${first + index} ${this.#text}`,
        vector: this.vector(creator, first + index),
      }))
      const metadata = { topic: `topic-${creator % TOPICS}` }
      documents.push({ id: `document-${first / CHUNKS_PER_DOCUMENT}`, metadata, chunks })
    }
    return documents
  }

  /** All creators in an order that has nothing to do with their sizes, so many chunks at a time. */
  *slices(chunks: number): Generator<number[]> {
    let slice: number[] = []
    let size = 0
    for (const creator of shuffled(this.sizes.length)) {
      slice.push(creator)
      size += this.sizes[creator]!
      if (size < chunks) continue
      yield slice
      slice = []
      size = 0
    }
    if (slice.length > 0) yield slice
  }

  #near(topic: number, random: () => number): number[] {
    const centre = this.#topics[topic]!
    const noise = direction(random, centre.length)
    return Array.from(centre, (part, index) => Math.fround(part + SPREAD * noise[index]!))
  }
}

/** Numbers of 0 to 1 that follow from the seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function direction(random: () => number, length: number): Float64Array {
  const parts = Float64Array.from({ length }, () => random() - 0.5)
  const whole = Math.hypot(...parts)
  return parts.map(part => part / whole)
}

function shuffled(count: number): number[] {
  const random = randomFrom(2)
  const order = Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1))
    ;[order[last], order[other]] = [order[other]!, order[last]!]
  }
  return order
}
