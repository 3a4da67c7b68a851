import { hash } from 'node:crypto'
import type { StoredRecord } from '../chroma/chroma-records.ts'

/** Bytes of a text by which it is told in a file. */
export const WINDOW = 16
/** Numbers of a vector by which it is told: these are consecutive, of 32 bits each. */
const NUMBERS = 3
/**
 * Last bits of a number that do not count: the log has the numbers as they came, the index scaled to length 1, and the
 * server hands out neither of both to the last bit (measured, 1.5.9).
 */
const ROUNDED_BITS = 4
/** By so much of the last bit they may differ. */
const TOLERANCE = 3

/** Bytes of a trace: its rolling hash, and what its SHA-256 begins with. */
const ROLLING = 4
const CHECK = 8

/** What is looked for: bytes as they are, or numbers. */
type Kind = 'b' | 'n'

/**
 * What records can be told by in files that may hold them, without saying what is in them.
 * @param records with texts and vectors
 * @returns for each text and each vector its traces, each a letter and Base64, separated by commas; these by spaces.
 *   Texts that are too short to be told from others are left out
 */
export function tracesOf(records: readonly Pick<StoredRecord, 'text' | 'vector'>[]): string {
  return records
    .flatMap(({ text = '', vector = [] }) => [tracesOfText(text), tracesOfVector(vector)])
    .filter(traces => traces.length > 0)
    .map(traces => traces.join(','))
    .join(' ')
}

/** In which parts of a text it is looked for. */
const PARTS = [0, 0.25, 0.5, 0.75, 1]

/** At its beginning, at its end, and in between, where JSON writes it as it is. */
function tracesOfText(text: string): string[] {
  const bytes = Buffer.from(text)
  const last = bytes.length - WINDOW
  const windows = PARTS.map(part => Math.floor(last * part)).flatMap(start => {
    for (let at = Math.max(0, start); at <= last; at += 1) {
      const window = bytes.subarray(at, at + WINDOW)
      if (isPlain(window)) return [window]
    }
    return []
  })
  return distinct(windows.map(window => trace('b', rollingHash(window), window)))
}

/** Whether JSON writes these bytes as they are. */
const isPlain = (bytes: Uint8Array): boolean =>
  bytes.every(byte => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c)

/** As it came, scaled to length 1, and in Base64 as requests have it. */
function tracesOfVector(vector: readonly number[]): string[] {
  if (vector.length < NUMBERS) return []
  const length = Math.hypot(...vector)
  const scaled = vector.slice(0, NUMBERS).map(part => part / length)
  const bytes = Buffer.from(Float32Array.from(vector).buffer)
  const encoded = Buffer.from(bytes.toString('base64')).subarray(0, WINDOW)
  return distinct([
    ...[vector.slice(0, NUMBERS), scaled].flatMap(tracesOfNumbers),
    ...(encoded.length === WINDOW ? [trace('b', rollingHash(encoded), encoded)] : []),
  ])
}

/** Of these numbers as they may be rounded. */
function tracesOfNumbers(numbers: readonly number[]): string[] {
  const bits = new Int32Array(Float32Array.from(numbers).buffer)
  const rounded = [...bits].map(each =>
    distinct([each - TOLERANCE, each, each + TOLERANCE].map(near => near >>> ROUNDED_BITS)),
  )
  const together = rounded.reduce<number[][]>(
    (all, next) => all.flatMap(before => next.map(number => [...before, number])),
    [[]],
  )
  return together.map(numbers => trace('n', numbersHash(numbers), bytesOf(numbers)))
}

const distinct = <Item>(items: readonly Item[]): Item[] => [...new Set(items)]

const bytesOf = (numbers: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(numbers).buffer)

function trace(kind: Kind, rolling: number, content: Uint8Array): string {
  const bytes = Buffer.alloc(ROLLING + CHECK)
  bytes.writeUInt32LE(rolling)
  checkOf(content).copy(bytes, ROLLING)
  return kind + bytes.toString('base64')
}

const checkOf = (content: Uint8Array): Buffer =>
  hash('sha256', Buffer.from(content), 'buffer').subarray(0, CHECK)

const BASE = 0x01000193
/** By which the byte that leaves a window counts in its hash. */
const LEAVING = Array.from({ length: WINDOW }).reduce<number>(power => Math.imul(power, BASE), 1)
/** By which each of the numbers counts. */
const FACTORS = [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35] as const
/** One bit for each remainder of a hash: few of the others get past it. */
const FILTER_BITS = 1 << 21
const LAST_BIT = FILTER_BITS - 1

const rollingHash = (window: Uint8Array): number =>
  window.reduce((sum, byte) => (Math.imul(sum, BASE) + byte + 1) >>> 0, 0)

const numbersHash = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number, index) => (sum + Math.imul(number, FACTORS[index]!)) >>> 0, 0)

/** A trace that is looked for. */
interface Sought {
  check: Buffer
  thing: number
}

/** Looks for traces in bytes, in as long a time for a thousand as for one. */
export class TraceSearch {
  /** Texts and vectors that are looked for. */
  readonly things: number
  /** Of those that were found, their positions among the traces. */
  readonly found = new Set<number>()
  /** How often one was met. */
  seen = 0
  readonly #sought: Record<Kind, Sieve> = { b: new Sieve(), n: new Sieve() }
  /** Traces of which a thing has shown, and how many of them tell it. */
  readonly #shown: Set<string>[] = []
  readonly #needed: number[] = []

  /** @param traces as tracesOf gives them */
  constructor(traces: string) {
    const things = traces.split(' ').filter(thing => thing !== '')
    this.things = things.length
    for (const [thing, own] of things.entries()) {
      const all = own.split(',')
      // Phrases may be others' too; one may be cut in two by a page of the database. Of a vector there is one form or
      // another.
      const isText = all.every(([kind]) => kind === 'b')
      this.#needed.push(isText ? Math.max(Math.min(2, all.length), all.length - 1) : 1)
      this.#shown.push(new Set())
      for (const each of all) {
        const bytes = Buffer.from(each.slice(1), 'base64')
        const check = bytes.subarray(ROLLING)
        this.#sought[each[0] as Kind].add(bytes.readUInt32LE(), { check, thing })
      }
    }
  }

  /** What was seen of a text in something else does not count from here on. */
  beginAnew(): void {
    for (const shown of this.#shown) shown.clear()
  }

  /** @param bytes of a file, with the last WINDOW − 1 of those before them */
  look(bytes: Uint8Array): void {
    const { b: texts, n: numbers } = this.#sought
    const [first, second, third] = FACTORS
    let sum = 0
    let word = 0
    // Of the last twelve bytes, by where they end.
    const rounded = new Uint32Array(16)
    for (let end = 0; end < bytes.length; end += 1) {
      const byte = bytes[end]!
      const left = end >= WINDOW ? bytes[end - WINDOW]! + 1 : 0
      sum = (Math.imul(sum, BASE) + byte + 1 - Math.imul(LEAVING, left)) | 0
      word = (word >>> 8) | (byte << 24)
      const number = word >>> ROUNDED_BITS
      rounded[end & 15] = number
      const before = rounded[(end - 4) & 15]!
      const earliest = rounded[(end - 8) & 15]!
      const together =
        (Math.imul(earliest, first) + Math.imul(before, second) + Math.imul(number, third)) | 0
      const isText = texts.filter[(sum & LAST_BIT) >> 3]! & (1 << (sum & 7))
      const isVector = numbers.filter[(together & LAST_BIT) >> 3]! & (1 << (together & 7))
      if ((isText | isVector) === 0) continue
      if (isText !== 0 && end >= WINDOW - 1) {
        this.#compare(texts, sum, bytes.subarray(end - WINDOW + 1, end + 1))
      }
      if (isVector !== 0 && end >= 4 * NUMBERS - 1) {
        this.#compare(numbers, together, bytesOf([earliest, before, number]))
      }
    }
  }

  #compare(sieve: Sieve, rolling: number, content: Uint8Array): void {
    const sought = sieve.get(rolling)
    if (sought === undefined) return
    const check = checkOf(content)
    for (const { thing, check: wanted } of sought) {
      if (!wanted.equals(check)) continue
      const shown = this.#shown[thing]!.add(check.toString('latin1'))
      if (shown.size < this.#needed[thing]!) continue
      this.found.add(thing)
      this.seen += 1
    }
  }
}

/** Traces by their rolling hash. */
class Sieve {
  /** Bits of the traces, by the last bits of their rolling hash: read for every byte, and so without a call. */
  readonly filter = new Uint8Array(FILTER_BITS / 8)
  readonly #traces = new Map<number, Sought[]>()

  add(rolling: number, sought: Sought): void {
    const bit = rolling & LAST_BIT
    this.filter[bit >> 3]! |= 1 << (bit & 7)
    this.#traces.set(rolling, [...(this.#traces.get(rolling) ?? []), sought])
  }

  get(rolling: number): Sought[] | undefined {
    return this.#traces.get(rolling >>> 0)
  }
}
