import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { z } from 'zod'
import { Failure, reasonOf } from '../infra/failure.ts'
import { makePrivateFolder, PRIVATE_FILE } from '../infra/private-files.ts'
import { withLock } from './lock.mjs'

/**
 * Reads a JSON file.
 * @returns undefined when there is none
 * @throws Failure `misused` when it does not hold what the schema wants
 */
export async function readJsonRecord<Content>(
  file: string,
  schema: z.ZodType<Content>,
): Promise<Content | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if (NOT_THERE.has((error as NodeJS.ErrnoException).code)) return undefined
    throw new Failure('misused', `${file} cannot be read: ${reasonOf(error)}`, {
      mend: `restore it, or remove it: rm ${file}`,
      cause: error,
    })
  }
}

/** The same of a file whose loss is no harm: undefined also when it cannot be read, or holds something else. */
export const readJsonIfSound = <Content>(
  file: string,
  schema: z.ZodType<Content>,
): Promise<Content | undefined> => readJsonRecord(file, schema).catch(() => undefined)

/**
 * Changes a JSON file in one step, also when several processes do so at once. A tracked file keeps its mode; a new
 * one is for its owner's eyes.
 * @param change is given the newest content, undefined when there is none, and returns the next
 * @throws Failure `unavailable` when it cannot be written
 */
export async function changeJsonRecord<Content>(
  file: string,
  schema: z.ZodType<Content>,
  change: (content: Content | undefined) => Content,
): Promise<void> {
  const options = {
    purpose: `writes ${file}`,
    mode: PRIVATE_FILE,
    onWait: () => {},
    // It is held for no longer than it takes to write a small file.
    signal: new AbortController().signal,
  }
  try {
    await makePrivateFolder(dirname(file))
    await withLock(`${file}.lock`, options, async () => {
      const next = change(await readJsonRecord(file, schema))
      const text = `${JSON.stringify(next, null, 2)}\n`
      const draft = `${file}.new`
      // One that a killed command left has a mode of its own.
      await rm(draft, { force: true })
      await writeFile(draft, text, { flag: 'wx', mode: await modeOf(file) })
      await rename(draft, file)
    })
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('unavailable', `${file} cannot be written: ${reasonOf(error)}`, {
      mend: `make ${dirname(file)} writable, and see that its disk is not full`,
      cause: error,
    })
  }
}

/** There is no such file, or a file is where its folder would be. */
const NOT_THERE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR'])

async function modeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined)
  return found === undefined ? PRIVATE_FILE : found.mode & 0o777
}
