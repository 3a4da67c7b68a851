/** One benchmark: measures, and says it as the table that docs/benchmarks.md has. */
export interface Bench {
  /** `npm run bench -- <name>`; the section of the same name in docs/benchmarks.md holds its table. */
  name: string
  /** @param flags what stands behind the name on the command line */
  run(flags: string[]): Promise<Measured>
}

export interface Measured {
  /** Of docs/benchmarks.md, where it is not the one of the bench's name. */
  section?: string
  /** The section's text: a table, and under what conditions it was made. */
  markdown: string
  /** Every single figure. */
  figures: object
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const low = sorted[Math.ceil(middle) - 1]
  const high = sorted[Math.floor(middle)]
  if (low === undefined || high === undefined) throw new Error('a median needs a value')
  return (low + high) / 2
}
