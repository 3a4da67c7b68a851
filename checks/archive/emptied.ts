import { mkdir, rm } from 'node:fs/promises'

/** A folder for its owner alone, without what a command that was killed has left in it. */
export async function emptied(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
}
