import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

// What a stack keeps on this machine is for its owner's eyes, whatever the umask. What the user names (`--out`,
// `--junit`, the tracked lock files) is not written here: its mode is what the user's umask gives.

export const PRIVATE_FOLDER = 0o700
export const PRIVATE_FILE = 0o600
/** What is taken from the files of a program that writes for a stack. */
const PRIVATE_UMASK = 0o077

/** Makes a folder of a stack with its parents. One that is there keeps its mode: it may not be the stack's. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER })
}

/**
 * Writes a file of a stack, or replaces it in one step: a kill leaves the old content or the new. A link in its place is
 * replaced and not followed. Its folder is made when missing.
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  await makePrivateFolder(dirname(path))
  const draft = `${path}.new`
  // What a killed command left may be readable for others, and writing over a file keeps its mode.
  await rm(draft, { force: true })
  await writeFile(draft, text, { flag: 'wx', mode: PRIVATE_FILE })
  await rename(draft, path)
}

/** Writes a file of a stack unless it is there. */
export async function keepPrivateFile(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: 'wx', mode: PRIVATE_FILE }).catch(error => {
    if (error.code !== 'EEXIST') throw error
  })
}

/**
 * Starts a program whose files only their owner can read.
 * @param start spawns it, and waits for nothing: the umask is that of this whole process until it returns
 */
export function spawnPrivately<Child>(start: () => Child): Child {
  const umask = process.umask(PRIVATE_UMASK)
  try {
    return start()
  } finally {
    process.umask(umask)
  }
}
