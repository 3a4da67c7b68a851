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
  firstBy: string
  lastBegin: number
  lastBy: string
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
  /** The version that the last acknowledgement was about; undefined after a delete. */
  lastAcknowledged: number | undefined

  put(version: number, begin: number): Write {
    const zone = { firstEnd: Infinity, firstBy: 'nobody', lastBegin: begin, lastBy: 'its writer' }
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
    this.lastAcknowledged = write.version
    this.endBy(write, end)
    if (write.version === undefined) {
      const by = 'its deleter'
      this.#absences.push({ firstEnd: end, firstBy: by, lastBegin: write.begin, lastBy: by })
    }
  }

  /** Says that a write has no effect later than this, whether it had one or not. */
  endBy(write: Write, end: number): void {
    write.end = Math.min(write.end, end)
    const zone = write.version === undefined ? undefined : this.#puts.get(write.version)?.zone
    if (zone !== undefined) endZone(zone, end, 'its writer')
  }

  /**
   * A reader's answer.
   * @param version that was seen, undefined for none
   * @param by who saw it
   * @returns why it cannot be, or undefined
   */
  observe(version: number | undefined, seen: Interval, by: string): string | undefined {
    return version === undefined ? this.#nothing(seen, by) : this.#seen(version, seen, by)
  }

  #seen(version: number, { begin, end }: Interval, by: string): string | undefined {
    const put = this.#puts.get(version)
    if (put === undefined) return `version ${version} was never written to this document`
    if (end < put.begin) return `version ${version} was seen before it was written`
    put.hasHappened = true
    const { zone } = put
    endZone(zone, end, by)
    if (begin > zone.lastBegin) Object.assign(zone, { lastBegin: begin, lastBy: by })
    for (const other of this.#puts.values()) {
      if (other !== put && other.hasHappened && overlap(zone, other.zone)) {
        return `version ${version} ${times(zone)} was seen around version ${other.version} ${times(other.zone)}`
      }
    }
    const gone = this.#absences.find(absence => overlap(zone, absence))
    if (gone === undefined) return undefined
    return `version ${version} ${times(zone)} was seen although the document was gone ${times(gone)}`
  }

  #nothing({ begin, end }: Interval, by: string): string | undefined {
    const own = { firstEnd: end, firstBy: by, lastBegin: begin, lastBy: by }
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

const times = ({ firstEnd, firstBy, lastBegin, lastBy }: Zone): string =>
  `(there at ${Math.round(firstEnd)} by ${firstBy}, still by ${lastBy} begun at ${Math.round(lastBegin)})`

function endZone(zone: Zone, end: number, by: string): void {
  if (end < zone.firstEnd) Object.assign(zone, { firstEnd: end, firstBy: by })
}
