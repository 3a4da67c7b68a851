import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

const FILE = 'file://'

/**
 * The folder of a file backend, however its URL is written: the engine takes blanks and umlauts as they are and
 * percent-encoded, a `~` of the home folder, and a path relative to where it runs.
 * @returns undefined for a backend of another kind
 */
export function folderOf(url: string): string | undefined {
  if (!url.startsWith(FILE)) return undefined
  const path = decoded(url.slice(FILE.length).split('?')[0] ?? '')
  return path.startsWith('~') ? join(homedir(), path.slice(1)) : resolve(path)
}

export const sameBackend = (one: string, other: string): boolean =>
  one === other || (folderOf(one) !== undefined && folderOf(one) === folderOf(other))

/** As it is where it cannot be decoded: the engine says what is wrong with it. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
