import { createHash } from 'node:crypto'
import { cosineDistance } from '../store/query/rank.ts'

/** Euclidean length. */
export const norm = (vector: readonly number[]): number => Math.hypot(...vector)

/** 1 for the same direction, 0 for unrelated, −1 for opposite. */
export const similarity = (a: readonly number[], b: readonly number[]): number =>
  1 - cosineDistance(a, b)

/** A vector of this length that is the same for the same name and points elsewhere for another. */
export function vectorFor(name: string, dimension: number): number[] {
  const parts: number[] = []
  for (let block = 0; parts.length < dimension; block += 1) {
    const bytes = createHash('sha256').update(`${name}/${block}`).digest()
    for (const byte of bytes) parts.push((byte - 127.5) / 128)
  }
  const cut = parts.slice(0, dimension)
  const length = norm(cut)
  return cut.map(part => part / length)
}
