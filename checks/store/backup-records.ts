import { z } from 'zod'
import type { ChromaServer } from '../chroma/chroma-server.ts'
import { parseRecorded } from './shards/parse-recorded.ts'
import { StackRecords } from './stack-records.ts'

const Common = z.object({
  /** When it was begun. */
  created: z.iso.datetime(),
  records: z.int().nonnegative(),
})

/** A backup that was begun, or that came to its end. */
const BackupRecord = Common.extend({
  /** Its archive's. */
  id: z.uuid(),
  state: z.enum(['begun', 'whole']),
  /** When whoever makes it was last at it. */
  alive: z.iso.datetime(),
  /** Where it was put, and where it is in there. */
  place: z.string(),
  archive: z.string(),
  /** Of whoever made it: a folder is one of this machine. */
  machine: z.string(),
  scope: z.enum(['all', 'creator']),
})
export type BackupRecord = z.infer<typeof BackupRecord>

/** An earlier version recorded no more of the last one. */
const Recorded = z.union([BackupRecord, Common])
type Recorded = z.infer<typeof Recorded>

/** The backups of a stack, recorded beside the data: whoever works with it, and from where, knows of all of them. */
export class BackupRecords {
  readonly #records: StackRecords

  constructor(server: ChromaServer) {
    this.#records = new StackRecords(server, 'backups')
  }

  /** The last backup of all creators that came to its end; undefined where there is none. */
  async last(signal?: AbortSignal): Promise<Recorded | undefined> {
    const all = await this.#read(signal)
    return all.findLast(each => !isFull(each) || (each.state === 'whole' && each.scope === 'all'))
  }

  /** All of them, in the order in which they were begun. */
  async all(signal?: AbortSignal): Promise<BackupRecord[]> {
    return (await this.#read(signal)).filter(isFull)
  }

  async put(record: BackupRecord): Promise<void> {
    await this.#records.put(record.id, record)
  }

  async remove(records: readonly BackupRecord[]): Promise<void> {
    await this.#records.remove(records.map(({ id }) => id))
  }

  async #read(signal: AbortSignal | undefined): Promise<Recorded[]> {
    const values = await this.#records.values(signal)
    return values
      .map(value => parseRecorded(Recorded, value, 'a backup'))
      .sort((a, b) => Date.parse(a.created) - Date.parse(b.created))
  }
}

const isFull = (record: Recorded): record is BackupRecord => 'state' in record
