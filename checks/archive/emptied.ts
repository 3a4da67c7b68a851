import { rm } from 'node:fs/promises'
import { makePrivateFolder } from '../../infra/private-files.ts'

/** A folder for its owner alone, without what a command that was killed has left in it. */
export async function emptied(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await makePrivateFolder(folder)
}
