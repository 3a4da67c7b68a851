import { join } from 'node:path'

/**
 * The folder in which a local Chroma server keeps the index of a collection; undefined when it has none.
 * @param data folder of the server's data
 */
export async function indexFolder(data: string, collection: string): Promise<string | undefined> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(join(data, 'chroma.sqlite3'), { readOnly: true })
  try {
    const row = database
      .prepare("SELECT id FROM segments WHERE collection = ? AND scope = 'VECTOR'")
      .get(collection)
    return row === undefined ? undefined : join(data, String(row.id))
  } finally {
    database.close()
  }
}
