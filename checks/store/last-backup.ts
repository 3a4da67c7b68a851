import { z } from 'zod'
import type { ChromaServer } from '../chroma/chroma-server.ts'
import { parseRecorded } from './shards/parse-recorded.ts'
import { StackRecords } from './stack-records.ts'

/** A backup of all creators that came to its end. */
const Backup = z.object({
  created: z.iso.datetime(),
  records: z.int().nonnegative(),
})
type Backup = z.infer<typeof Backup>

const LAST = 'last'

/** The last backup of all creators, recorded beside the data: whoever watches over a stack sees how old it is. */
export class LastBackup {
  readonly #records: StackRecords

  constructor(server: ChromaServer) {
    this.#records = new StackRecords(server, 'backups')
  }

  /** Undefined where there is none. */
  async read(signal?: AbortSignal): Promise<Backup | undefined> {
    const [value] = await this.#records.values(signal)
    return value === undefined ? undefined : parseRecorded(Backup, value, 'the last backup')
  }

  async record({ created, records }: Backup): Promise<void> {
    await this.#records.put(LAST, { created, records })
  }
}
