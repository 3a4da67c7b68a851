import { z } from 'zod'
import { freeBytes } from '../../infra/free-bytes.ts'
import { CopyRequest, DataCopy, workOnCopy } from './data-copy.ts'
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
  /** What is done with a copy of the data, and then nothing else. */
  copy: CopyRequest.optional(),
})
export type BesideRequest = z.infer<typeof BesideRequest>

/** What was found there. */
export const BesideReport = Searched.extend({
  /** Texts and vectors that were looked for. */
  things: z.int().nonnegative(),
  /** Of those, the positions of the ones that are there. */
  found: z.array(z.int().nonnegative()),
  erased: Erased.optional(),
  /** What is there beside the data, once that is over; absent where a copy was asked for. */
  waste: FileWaste.optional(),
  /** Bytes that are free on its disk then. */
  room: z.number().nonnegative().optional(),
  /** The copy that is there then. */
  copy: DataCopy.optional(),
})
export type BesideReport = z.infer<typeof BesideReport>

/** Where nothing is looked for, no file is read. */
const NOTHING: Searched = { files: 0, bytes: 0, holding: [] }

/** Takes what is deleted out of the files of a Chroma server and looks through them, or keeps a copy of them. */
export async function workBesideData(request: BesideRequest): Promise<BesideReport> {
  if (request.copy !== undefined) {
    const copy = await workOnCopy(request.data, request.copy)
    return { ...NOTHING, things: 0, found: [], copy }
  }
  const erased = request.erase ? await eraseDeleted(request.data) : undefined
  const search = new TraceSearch(request.traces)
  const searched = search.things === 0 ? NOTHING : await searchFiles(request.data, search)
  return {
    ...searched,
    things: search.things,
    found: [...search.found],
    erased,
    waste: await fileWaste(request.data),
    room: await freeBytes(request.data),
  }
}
