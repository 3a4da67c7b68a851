import { DocumentHistory, type Interval, type Write } from './document-history.ts'

/** Something that an answer showed and that cannot be. */
export interface Fault {
  /** What was going on: the incident of that time. */
  during: string
  process: string
  /** The request that was answered. */
  asked: string
  seen: string
}

export interface Asked extends Interval {
  process: string
  asked: string
  creator: string
}

/** All that was written, acknowledged and seen, of all documents: what every answer is held to. */
export class Acknowledged {
  readonly faults: Fault[] = []
  /** Answers that were held to it. */
  answers = 0
  acknowledged = 0
  /** What goes on, for those who read the faults. */
  during = 'the start'
  readonly #documents = new Map<string, DocumentHistory>()
  #versions = 0

  readonly now = (): number => performance.now()

  nextVersion(): number {
    this.#versions += 1
    return this.#versions
  }

  of(creator: string, document: string): DocumentHistory {
    const key = JSON.stringify([creator, document])
    const known = this.#documents.get(key) ?? new DocumentHistory()
    this.#documents.set(key, known)
    return known
  }

  /** @param version undefined for a delete */
  begin(creator: string, document: string, version: number | undefined): OpenWrite {
    const history = this.of(creator, document)
    const begun = this.now()
    return new OpenWrite(
      this,
      history,
      version === undefined ? history.delete(begun) : history.put(version, begun),
    )
  }

  /** An answer showed these versions, and nothing of the other documents. */
  shown(asked: Asked, documents: readonly string[], versions: ReadonlyMap<string, number>): void {
    const by = `${asked.process}'s ${asked.asked}`
    for (const document of documents) {
      const wrong = this.of(asked.creator, document).observe(versions.get(document), asked, by)
      if (wrong !== undefined) this.fault(asked, `document ${document}: ${wrong}`)
    }
  }

  fault({ process, asked, creator }: Omit<Asked, keyof Interval>, seen: string): void {
    this.faults.push({ during: this.during, process, asked: `${asked} of ${creator}`, seen })
  }
}

/** A write whose end nobody knows yet. */
export class OpenWrite {
  readonly #all: Acknowledged
  readonly #history: DocumentHistory
  readonly #write: Write

  constructor(all: Acknowledged, history: DocumentHistory, write: Write) {
    this.#all = all
    this.#history = history
    this.#write = write
  }

  acknowledge(): void {
    this.#all.acknowledged += 1
    this.#history.acknowledge(this.#write, this.#all.now())
  }

  /** It may have been done or not, but has no effect after so many milliseconds from now. */
  endWithin(pause: number): void {
    this.#history.endBy(this.#write, this.#all.now() + pause)
  }
}
