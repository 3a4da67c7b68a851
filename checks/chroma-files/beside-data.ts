import { z } from 'zod'
import { Erased, eraseDeleted } from './erase-files.ts'
import { FileWaste, fileWaste } from './file-waste.ts'
import { Searched, searchFiles } from './search-files.ts'
import { TraceSearch } from './traces.ts'

/** What is done where the files of a Chroma server can be seen. */
export const BesideRequest = z.object({
  /** Folder of its data. */
  data: z.string(),
  /** Of what is looked for (traces.ts). */
  traces: z.string(),
  /** Whether what is deleted is taken out before. */
  erase: z.boolean(),
})
export type BesideRequest = z.infer<typeof BesideRequest>

/** What was found there. */
export const BesideReport = Searched.extend({
  /** Texts and vectors that were looked for. */
  things: z.int().nonnegative(),
  /** Of those, the positions of the ones that are there. */
  found: z.array(z.int().nonnegative()),
  erased: Erased.optional(),
  /** What is there beside the data, once that is over. */
  waste: FileWaste,
})
export type BesideReport = z.infer<typeof BesideReport>

/** Where nothing is looked for, no file is read. */
const NOTHING: Searched = { files: 0, bytes: 0, holding: [] }

/** Takes what is deleted out of the files of a Chroma server, and looks through them. */
export async function workBesideData(request: BesideRequest): Promise<BesideReport> {
  const erased = request.erase ? await eraseDeleted(request.data) : undefined
  const search = new TraceSearch(request.traces)
  const searched = search.things === 0 ? NOTHING : await searchFiles(request.data, search)
  return {
    ...searched,
    things: search.things,
    found: [...search.found],
    erased,
    waste: await fileWaste(request.data),
  }
}
