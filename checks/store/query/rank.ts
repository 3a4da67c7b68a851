/** 1 − cosine of two vectors: 0 for the same direction, 2 for opposite ones. */
export function cosineDistance(a: readonly number[], b: readonly number[]): number {
  let dot = 0
  let squaresA = 0
  let squaresB = 0
  for (let index = 0; index < a.length; index += 1) {
    dot += a[index]! * b[index]!
    squaresA += a[index]! * a[index]!
    squaresB += b[index]! * b[index]!
  }
  return 1 - dot / Math.sqrt(squaresA * squaresB)
}

export type Ranked<T> = T & { distance: number }

/**
 * The nearest first, see byDistance.
 * @param candidates vectors of the same length as `vector`
 */
export function rank<T extends { id: string; vector: readonly number[] | undefined }>(
  candidates: readonly T[],
  vector: readonly number[],
  count: number,
): Ranked<T>[] {
  const ranked = candidates.map(candidate => ({
    ...candidate,
    distance: cosineDistance(candidate.vector ?? [], vector),
  }))
  return byDistance(ranked).slice(0, count)
}

/** Nearest first, ties by id: one order, whichever way they came. */
export function byDistance<T extends { id: string; distance: number }>(found: T[]): T[] {
  return found.sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1))
}
