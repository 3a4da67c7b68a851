import { createReadStream } from 'node:fs'
import { type Bytes, formatBytes, MiB } from '../../infra/units.ts'
import type { Task } from '../progress.ts'

const PIECE: Bytes = MiB
/** Far enough apart that a report costs nothing beside what is done with the bytes. */
const REPORT_EVERY: Bytes = 32 * MiB

/** The content of a file in pieces, with a report every so many: `hashing model.gguf, 64 MiB of 94 MiB`. */
export async function* readWatched(
  path: string,
  size: Bytes,
  doing: string,
  { report, signal }: Task,
): AsyncGenerator<Buffer> {
  let done = 0
  let reported = 0
  for await (const piece of createReadStream(path, { signal, highWaterMark: PIECE })) {
    yield piece
    done += piece.length
    if (done - reported < REPORT_EVERY) continue
    reported = done
    report(`${doing}, ${formatBytes(done)} of ${formatBytes(size)}`)
  }
}
