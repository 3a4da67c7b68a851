import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { z } from 'zod'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { withLock } from '../lock.mjs'

/**
 * Reads a JSON file.
 * @returns undefined when there is none
 * @throws Failure `misused` when it does not hold what the schema wants
 */
export async function readRecord<Content>(
  file: string,
  schema: z.ZodType<Content>,
): Promise<Content | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Failure('misused', `${file} cannot be read: ${reasonOf(error)}`, {
      mend: `restore it, or remove it: rm ${file}`,
      cause: error,
    })
  }
}

/**
 * Changes a JSON file in one step, also when several processes do so at once.
 * @param change is given the newest content, undefined when there is none, and returns the next
 * @throws Failure `unavailable` when it cannot be written
 */
export async function changeRecord<Content>(
  file: string,
  schema: z.ZodType<Content>,
  change: (content: Content | undefined) => Content,
): Promise<void> {
  const options = {
    purpose: `writes ${file}`,
    onWait: () => {},
    // It is held for no longer than it takes to write a small file.
    signal: new AbortController().signal,
  }
  try {
    await mkdir(dirname(file), { recursive: true })
    await withLock(`${file}.lock`, options, async () => {
      const next = change(await readRecord(file, schema))
      await writeFile(`${file}.new`, `${JSON.stringify(next, null, 2)}\n`)
      await rename(`${file}.new`, file)
    })
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('unavailable', `${file} cannot be written: ${reasonOf(error)}`, {
      mend: `make ${dirname(file)} writable, and see that its disk is not full`,
      cause: error,
    })
  }
}
