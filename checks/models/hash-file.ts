import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { type Bytes, formatBytes, MiB } from '../../infra/units.ts'

const PIECE: Bytes = MiB
/** Far enough apart that a report costs nothing beside what is done with the bytes. */
const REPORT_EVERY: Bytes = 32 * MiB

/** Who reads a file: hears how far it is, and may end it. */
export interface Reader {
  report(text: string): void
  signal: AbortSignal
}

/** The sha256 of a file's content, in hex. */
export async function hashFile(path: string, size: Bytes, reader: Reader): Promise<string> {
  const hash = createHash('sha256')
  const doing = `hashing ${basename(path)}`
  for await (const piece of readPieces(path, size, doing, reader)) hash.update(piece)
  return hash.digest('hex')
}

/** The content of a file in pieces, with a report every so many: `hashing model.gguf, 64 MiB of 94 MiB`. */
export async function* readPieces(
  path: string,
  size: Bytes,
  doing: string,
  { report, signal }: Reader,
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
