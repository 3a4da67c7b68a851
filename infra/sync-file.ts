import { open } from 'node:fs/promises'

/** Has a file be on the disk, and not only on its way there. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
