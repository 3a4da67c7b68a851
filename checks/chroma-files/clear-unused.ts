import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { indexHeader } from './index-header.ts'

/** Records that an index has room for when it is made. */
const FIRST_ROOM = 100
/** Bytes that a record takes in `length.bin`. */
const LENGTH_BYTES = 4

/**
 * Writes zeros over an index that holds nothing yet. Chroma saves it as its memory was, which may be what somebody has
 * sent before (measured, 1.5.9); one that holds records has no more room in its file than for these.
 * @param folder of an index that is not being saved
 */
export async function clearUnused(folder: string): Promise<void> {
  const header = await indexHeader(folder)
  if (header?.records !== 0) return
  await clear(join(folder, 'data_level0.bin'), FIRST_ROOM * header.recordBytes)
  await clear(join(folder, 'length.bin'), FIRST_ROOM * LENGTH_BYTES)
}

/** @param most bytes: a larger file has something in it by now */
async function clear(path: string, most: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { size } = await file.stat()
    if (size > most) return
    await file.write(Buffer.alloc(size), 0, size, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}
