import type { NewDocument } from '../../../checks/store/records/document.ts'

export const DIMENSION = 8
/** What is asked for: every step is nearer to it than the one before. */
export const TOP: number[] = [1, 0, 0, 0, 0, 0, 0, 0]
export const STEPS = 30

/** A document of two chunks, nearer to the top than all steps before it, and farther than those after it. */
export function step(number: number): NewDocument {
  const vector = (aside: number) => [number + 1, STEPS - number + aside, 0, 0, 0, 0, 0, 0]
  const chunks = [0, 0.1].map(aside => ({ text: `${number}`, vector: vector(aside) }))
  return { id: `step ${number}`, chunks }
}
