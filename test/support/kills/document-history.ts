/** When an operation could have taken effect, in milliseconds of one clock. */
export interface Interval {
  begin: number
  /** Infinity as long as nobody knows. */
  end: number
}

/** A write of the document. A delete has no version. */
export interface Write extends Interval {
  version: number | undefined
  /** Acknowledged, or seen by a reader. */
  hasHappened: boolean
}

/** The first end and the last begin of a write and of all reads that saw it. */
interface Zone {
  firstEnd: number
  lastBegin: number
}

/**
 * What was done to one document, and what its readers saw: an atomic register whose values are told apart, so that
 * one rule finds what no order of the operations explains (Gibbons and Korach, Testing Shared Memories, 1997): of
 * two values one was in place first, so the zone of neither begins before the other's ends and ends after it begins.
 *
 * Deletes leave the same nothing behind, so a reader that found nothing may have seen any of them.
 */
export class DocumentHistory {
  readonly #puts = new Map<number, Write & { zone: Zone }>()
  readonly #deletes: Write[] = []
  /** Acknowledged deletes, and readers that found nothing. */
  readonly #absences: Zone[] = []

  put(version: number, begin: number): Write {
    const zone = { firstEnd: Infinity, lastBegin: begin }
    const put = { version, begin, end: Infinity, hasHappened: false, zone }
    this.#puts.set(version, put)
    return put
  }

  delete(begin: number): Write {
    const gone = { version: undefined, begin, end: Infinity, hasHappened: false }
    this.#deletes.push(gone)
    return gone
  }

  acknowledge(write: Write, end: number): void {
    write.hasHappened = true
    this.endBy(write, end)
    if (write.version === undefined) {
      this.#absences.push({ firstEnd: end, lastBegin: write.begin })
    }
  }

  /** Says that a write has no effect later than this, whether it had one or not. */
  endBy(write: Write, end: number): void {
    write.end = Math.min(write.end, end)
    const zone = write.version === undefined ? undefined : this.#puts.get(write.version)?.zone
    if (zone !== undefined) zone.firstEnd = Math.min(zone.firstEnd, end)
  }

  /**
   * A reader's answer.
   * @param version that was seen, undefined for none
   * @returns why it cannot be, or undefined
   */
  observe(version: number | undefined, { begin, end }: Interval): string | undefined {
    return version === undefined ? this.#nothing(begin, end) : this.#seen(version, begin, end)
  }

  /** The versions that a reader may see who begins now, when nobody writes meanwhile; undefined is none. */
  get lastAcknowledged(): number | undefined {
    const done = [...this.#puts.values(), ...this.#deletes].filter(({ hasHappened }) => hasHappened)
    return done.toSorted((a, b) => a.end - b.end).at(-1)?.version
  }

  #seen(version: number, begin: number, end: number): string | undefined {
    const put = this.#puts.get(version)
    if (put === undefined) return `version ${version} was never written to this document`
    if (end < put.begin) return `version ${version} was seen before it was written`
    put.hasHappened = true
    const { zone } = put
    zone.firstEnd = Math.min(zone.firstEnd, end)
    zone.lastBegin = Math.max(zone.lastBegin, begin)
    for (const other of this.#puts.values()) {
      if (other !== put && other.hasHappened && overlap(zone, other.zone)) {
        return `version ${version} ${times(zone)} was seen around version ${other.version} ${times(other.zone)}`
      }
    }
    const gone = this.#absences.find(absence => overlap(zone, absence))
    if (gone === undefined) return undefined
    return `version ${version} ${times(zone)} was seen although the document was gone ${times(gone)}`
  }

  #nothing(begin: number, end: number): string | undefined {
    const own = { firstEnd: end, lastBegin: begin }
    this.#absences.push(own)
    const happened = [...this.#puts.values()].filter(({ hasHappened }) => hasHappened)
    const around = happened.find(({ zone }) => overlap(zone, own))
    if (around !== undefined) {
      return `nothing was seen ${times(own)} while version ${around.version} ${times(around.zone)} was there`
    }
    const isLost = (since: number) =>
      happened.find(put => put.begin > since && put.zone.firstEnd < begin)
    const possible = this.#deletes.filter(gone => gone.begin <= end).map(gone => gone.end)
    const lost = [-Infinity, ...possible].map(isLost)
    if (lost.includes(undefined)) return undefined
    return `nothing was seen ${times(own)} although version ${lost.at(-1)?.version} ${times(lost.at(-1)!.zone)} was there and nobody deleted it`
  }
}

const overlap = (one: Zone, other: Zone): boolean =>
  one.firstEnd < other.lastBegin && other.firstEnd < one.lastBegin

const times = ({ firstEnd, lastBegin }: Zone): string =>
  `(first ended at ${Math.round(firstEnd)}, last begun at ${Math.round(lastBegin)})`
