import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Writes a file in one step: a kill leaves the old content or the new. Its folder is made when missing. */
export async function writeWhole(file: string, text: string, mode?: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(`${file}.new`, text, { mode })
  await rename(`${file}.new`, file)
}
