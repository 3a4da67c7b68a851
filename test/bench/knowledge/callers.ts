export interface Timed {
  /** Milliseconds of each call. */
  calls: number[]
  /** Calls per second, of all callers. */
  rate: number
}

/** Makes calls 0 … count − 1, so many callers at a time, each its next when its last is answered. */
export async function timed(
  count: number,
  callers: number,
  call: (number: number) => Promise<unknown>,
): Promise<Timed> {
  const calls: number[] = []
  let next = 0
  const started = performance.now()
  const caller = async () => {
    while (next < count) {
      const number = next
      next += 1
      const asked = performance.now()
      await call(number)
      calls.push(performance.now() - asked)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return { calls, rate: (calls.length * 1000) / (performance.now() - started) }
}

/** @param share 0.99 for the value that 99 of 100 do not exceed */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  if (value === undefined) throw new Error('a percentile needs a value')
  return value
}
