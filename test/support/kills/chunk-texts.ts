import { vectorFor } from '../../../checks/probe/vectors.ts'

/** Numbers of a vector: few, since what is killed here is the writing and not the arithmetic. */
export const DIMENSION = 16

/** What a chunk's text tells of it. */
export interface ChunkText {
  /** A number that one write of one document has, and no other. */
  version: number
  /** Position in the document, from 0. */
  index: number
  /** Chunks of this version. */
  count: number
}

export const textOf = ({ version, index, count }: ChunkText): string =>
  `version ${version} chunk ${index} of ${count}`

/** @returns undefined for a text of another making */
export function parseText(text: string): ChunkText | undefined {
  const [, ...numbers] = /^version (\d+) chunk (\d+) of (\d+)$/.exec(text) ?? []
  if (numbers.length === 0) return undefined
  const [version = 0, index = 0, count = 0] = numbers.map(Number)
  return { version, index, count }
}

export const vectorOf = (text: string): number[] => vectorFor(text, DIMENSION)

/** A version of a document, in chunks with their vectors. Its metadata names the version too, for listings. */
export function documentOf(version: number, count: number) {
  const chunks = Array.from({ length: count }, (_, index) => {
    const text = textOf({ version, index, count })
    return { text, vector: vectorOf(text) }
  })
  return { metadata: { version }, chunks }
}
