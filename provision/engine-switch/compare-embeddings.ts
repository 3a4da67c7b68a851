import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** Vectors less alike than this rank the same documents otherwise. */
export const LEAST_COSINE = 0.999

/** Two versions of Ollama, and how alike the vectors are that they give for the same texts. */
export const Comparison = z.object({
  /** Versions, as `0.17.4`. */
  from: z.string(),
  to: z.string(),
  model: z.string(),
  texts: z.int().positive(),
  /** Cosine of the vectors of the text for which they are the least alike, and that text. */
  least: z.number(),
  text: z.string(),
})
export type Comparison = z.infer<typeof Comparison>

const FILE = new URL('comparison-texts.json', import.meta.url)

/** A hundred texts, of four languages in equal parts. */
export const comparisonTexts = (): string[] =>
  Object.values(
    z.record(z.string(), z.array(z.string())).parse(JSON.parse(readFileSync(FILE, 'utf8'))),
  ).flat()

/** The text whose two vectors are the least alike. Vectors that are no numbers are not alike at all. */
export function leastAlike(
  texts: readonly string[],
  before: readonly number[][],
  after: readonly number[][],
): Pick<Comparison, 'texts' | 'least' | 'text'> {
  const cosines = texts.map((_, index) => cosine(before[index] ?? [], after[index] ?? []))
  const least = Math.min(...cosines)
  return { texts: texts.length, least, text: texts[cosines.indexOf(least)]! }
}

function cosine(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return -1
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, index) => sum + value * y[index]!, 0)
  const found = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  return Number.isFinite(found) ? found : -1
}

export const describeComparison = ({ from, to, model, texts, least, text }: Comparison): string =>
  `of ${texts} texts embedded by ${model}, the least alike between Ollama ${from} and ${to} has a cosine of ${least.toFixed(5)} ("${text}")`
