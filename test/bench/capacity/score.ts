import { median } from '../bench.ts'

/** How far estimates are off, each a share of what was observed; below 0 is too low. */
export interface Score {
  count: number
  /** Of the errors' sizes. */
  median: number
  p95: number
  /** The two ends, signed. */
  lowest: number
  highest: number
}

export const signedError = (estimate: number, observed: number): number =>
  (estimate - observed) / observed

export function scoreOf(errors: readonly number[]): Score {
  const sizes = errors.map(Math.abs).sort((a, b) => a - b)
  return {
    count: errors.length,
    median: median(sizes),
    p95: sizes[Math.ceil(0.95 * sizes.length) - 1] ?? 0,
    lowest: Math.min(...errors),
    highest: Math.max(...errors),
  }
}

/** The lines of a table of scores by name. */
export const scoreTable = (
  scores: readonly (readonly [name: string, score: Score])[],
): string[] => [
  '| | Cells | Median | P95 | from … to |',
  '| --- | --- | --- | --- | --- |',
  ...scores.map(
    ([name, { count, median, p95, lowest, highest }]) =>
      `| ${name} | ${count} | ${percent(median)} | ${percent(p95)} | ${percent(lowest)} … ${percent(highest)} |`,
  ),
]

export const percent = (share: number): string => `${(share * 100).toFixed(2)} %`
