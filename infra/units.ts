/** Units that the type checker keeps apart: a count of bytes is not a count of milliseconds. */
declare const unit: unique symbol
type Quantity<Unit extends string> = number & { readonly [unit]?: Unit }

/** A count of bytes, never of kilobytes or mebibytes. */
export type Bytes = Quantity<'bytes'>
/** A duration in milliseconds. */
export type Millis = Quantity<'milliseconds'>

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

export const seconds = (count: number): Millis => count * 1000
export const minutes = (count: number): Millis => seconds(count * 60)

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes in binary units with at most one decimal: `93.8 MiB`. Memory and disk are shown so; never as GB. */
export function formatBytes(bytes: Bytes): string {
  let value: number = bytes
  let index = 0
  while (Math.abs(value) >= 1024 && index < BINARY_UNITS.length - 1) {
    value /= 1024
    index += 1
  }
  const digits = index === 0 || Math.abs(value) >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${BINARY_UNITS[index]}`
}

/** For programs: what a clock says beyond a tenth of a millisecond is noise. */
export const roundMillis = (millis: Millis): Millis => Math.round(millis * 10) / 10

/** A duration for people: `340 ms`, `4.2 s`, `3 min 20 s`. */
export function formatDuration(millis: Millis): string {
  if (millis < 1000) return `${Math.round(millis)} ms`
  if (millis < 60_000) return `${(millis / 1000).toFixed(1)} s`
  const whole = Math.round(millis / 1000)
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  const minutes = Math.round(whole / 60)
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return `${Math.round(minutes / 1440)} days`
}

/** How long something has taken so far, in whole seconds: `4 s`, `3 min 20 s`. */
export function formatElapsed(millis: Millis): string {
  return millis < 60_000 ? `${Math.floor(millis / 1000)} s` : formatDuration(millis)
}

/** A duration that is only known about: `30 s`, `4 min`. */
export function formatAbout(millis: Millis): string {
  if (millis < 60_000) return `${Math.max(5, Math.ceil(millis / 5000) * 5)} s`
  return millis < 7_200_000 ? `${Math.round(millis / 60_000)} min` : formatDuration(millis)
}

/**
 * How long the rest takes at the rate so far: `, about 3 min left`; empty before anything says how fast it goes.
 * @param elapsed since nothing was done
 */
export function formatRest(done: number, total: number, elapsed: Millis): string {
  if (done <= 0 || done >= total || elapsed < 2000) return ''
  return `, about ${formatAbout((elapsed / done) * (total - done))} left`
}

/** `1 creator`, `3 creators`. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`
