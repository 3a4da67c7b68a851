import { findSuffix, quantityToScalar } from '@kubernetes/client-node/dist/util.js'
import { Failure } from '../../failure.ts'
import { type Bytes, GiB, KiB, MiB } from '../../units.ts'

const UNITS: Record<string, number> = {
  B: 1,
  Ki: KiB,
  KiB,
  Mi: MiB,
  MiB,
  Gi: GiB,
  GiB,
  Ti: 1024 * GiB,
  TiB: 1024 * GiB,
  Pi: 1024 * 1024 * GiB,
  PiB: 1024 * 1024 * GiB,
  kB: 1e3,
  KB: 1e3,
  k: 1e3,
  MB: 1e6,
  M: 1e6,
  GB: 1e9,
  G: 1e9,
  TB: 1e12,
  T: 1e12,
}

/**
 * A quantity of Kubernetes as a number: `16Gi`, `1.5Gi`, `3920m`, `129e6`. Suffixes are those of the client library,
 * which takes no decimals beside most of them.
 * @param what names the value in the error
 * @throws Failure `misused` for what is none
 */
export function clusterQuantity(what: string, text: string): number {
  try {
    const suffix = findSuffix(text)
    const digits = text.slice(0, text.length - suffix.length)
    const value = Number(digits) * Number(quantityToScalar(`1${suffix}`))
    if (digits !== '' && Number.isFinite(value) && value >= 0) return value
  } catch {
    // Its words name the suffix alone.
  }
  throw new Failure(
    'misused',
    `${what} is "${text}"; allowed is a quantity of Kubernetes: 16Gi, 129e6, 3920m`,
  )
}

/** The same in whole bytes, as the scheduler counts them: a part of one is one. */
export const clusterBytes = (what: string, text: string): Bytes =>
  Math.ceil(clusterQuantity(what, text))

/**
 * Bytes from a text with its unit: `24GiB`, `24576MiB`, `16Gi`, `25.8GB`. A bare number is refused, since
 * nobody can tell whether it means bytes, MiB or GiB.
 * @param what names the value in the error
 */
export function parseBytes(what: string, text: string): Bytes {
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(text) ?? []
  const factor = unit === undefined ? undefined : UNITS[unit]
  if (digits === undefined || factor === undefined || Number(digits) === 0) {
    throw new Failure(
      'misused',
      `${what} is "${text}"; allowed is a number above 0 with its unit: 24GiB, 24576MiB, 25.8GB`,
    )
  }
  return Math.round(Number(digits) * factor)
}
