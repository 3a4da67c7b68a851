import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { indexHeader } from './index-header.ts'

export const DATABASE = 'chroma.sqlite3'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What the files of a Chroma server hold beside its data. */
export const FileWaste = z.object({
  /** Bytes of the database, and of its free pages. */
  database: z.int(),
  free: z.int(),
  /** Records of the write-ahead log. */
  logged: z.int(),
  /** Folders of indexes whose collections are deleted. */
  folders: z.array(z.string()),
  /** The saved indexes with the records that they hold, deleted ones too. */
  indexes: z.array(z.object({ collection: z.string(), records: z.int() })),
})
export type FileWaste = z.infer<typeof FileWaste>

/** Looks at the files of a Chroma server that runs. @param data folder of its data */
export async function fileWaste(data: string): Promise<FileWaste> {
  const path = join(data, DATABASE)
  // Before the database is asked: a folder of which it knows nothing then is of no collection.
  const folders = await indexFolders(data)
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path, { readOnly: true, timeout: 60_000 })
  try {
    const number = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0])
    const segments = database.prepare("SELECT id, collection FROM segments WHERE scope = 'VECTOR'")
    const known = new Map(segments.all().map(row => [String(row.id), String(row.collection)]))
    const free = number('PRAGMA freelist_count') * number('PRAGMA page_size')
    const logged = number('SELECT count(*) FROM embeddings_queue')
    const indexes: FileWaste['indexes'] = []
    for (const folder of folders) {
      const collection = known.get(folder)
      const records = (await indexHeader(join(data, folder)))?.records
      if (collection !== undefined && records !== undefined) indexes.push({ collection, records })
    }
    const left = folders.filter(folder => !known.has(folder))
    return { database: (await stat(path)).size, free, logged, folders: left, indexes }
  } finally {
    database.close()
  }
}

export const indexFolders = async (data: string): Promise<string[]> =>
  (await readdir(data)).filter(name => UUID.test(name))
