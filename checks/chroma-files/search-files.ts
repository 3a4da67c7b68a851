import { open, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { z } from 'zod'
import type { Bytes } from '../../infra/units.ts'
import { type TraceSearch, WINDOW } from './traces.ts'

/** Bytes that are read at once. */
const READ: Bytes = 4 << 20

/** What a search went through. */
export const Searched = z.object({
  files: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  /** Files in which something was found, by their paths below the folder. */
  holding: z.array(z.string()),
})
export type Searched = z.infer<typeof Searched>

/** Looks through all files below a folder. What is deleted meanwhile is not there. */
export async function searchFiles(folder: string, search: TraceSearch): Promise<Searched> {
  const searched: Searched = { files: 0, bytes: 0, holding: [] }
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter(entry => entry.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const before = search.seen
    const bytes = await searchFile(path, search)
    if (bytes === undefined) continue
    searched.files += 1
    searched.bytes += bytes
    if (search.seen > before) {
      searched.holding.push(relative(folder, path))
    }
  }
  return searched
}

async function searchFile(path: string, search: TraceSearch): Promise<Bytes | undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    const overlap = WINDOW - 1
    const buffer = Buffer.alloc(overlap + READ)
    let kept = 0
    let bytes = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, kept, READ, bytes)
      if (bytesRead === 0) return bytes
      bytes += bytesRead
      const end = kept + bytesRead
      search.look(buffer.subarray(0, end))
      kept = Math.min(overlap, end)
      buffer.copy(buffer, 0, end - kept, end)
    }
  } finally {
    await file.close()
  }
}
