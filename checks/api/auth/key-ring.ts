import { stat } from 'node:fs/promises'
import { Failure } from '../../../infra/failure.ts'
import { type KeySet, readKeyFile } from './keys.ts'

/** Gives the keys that hold now. @throws Failure `unavailable` when they cannot be read */
export type KeyRing = () => Promise<KeySet>

/**
 * The keys of a file, read again when the file has changed: a rotation or a revocation needs no restart, and a
 * key that was taken out verifies nothing any more.
 * @throws Failure `misused` at once when the file holds no keys
 */
export async function keyRing(path: string): Promise<KeyRing> {
  let keys = await readKeyFile(path)
  let seen = await versionOf(path)
  return async () => {
    try {
      const now = await versionOf(path)
      if (now !== seen) {
        keys = await readKeyFile(path)
        seen = now
      }
      return keys
    } catch (cause) {
      throw new Failure('unavailable', 'The keys of the tokens cannot be read now', { cause })
    }
  }
}

async function versionOf(path: string): Promise<string> {
  const { mtimeNs, ino, size } = await stat(path, { bigint: true })
  return `${mtimeNs} ${ino} ${size}`
}
