import { statfs } from 'node:fs/promises'
import type { Bytes } from './units.ts'

/** What is free on the disk of a folder for who is not its administrator. */
export async function freeBytes(folder: string): Promise<Bytes> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
