import { readFile } from 'node:fs/promises'
import { apiKeysOf, localPaths, tokensOf } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { passphraseFile } from '../pulumi/passphrase.ts'

/** No secret is shorter, and words that are would be taken out of everything. */
const SHORTEST = 16

/** All that must be in nothing that leaves the machine: the values in the files that hold the stack's secrets. */
export async function knownSecrets({ home }: Settings): Promise<string[]> {
  const files = [tokensOf(home), apiKeysOf(home), passphraseFile(localPaths(home).state)]
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8').catch(() => '')))
  const found = texts.flatMap(text => [...text.matchAll(/[\w+/=.-]+/g)].map(([word]) => word))
  // The name of a key is shown in tokens that anyone may have; what it signs with is not.
  return [...new Set(found)].filter(({ length }) => length >= SHORTEST)
}

/** Without the secrets, and without passwords in URLs and tokens of the API, wherever they come from. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) clean = clean.replaceAll(secret, HIDDEN)
  return clean
    .replaceAll(/(\w+:\/\/[^\s/:@"']*):[^\s/@"']+@/g, `$1:${HIDDEN}@`)
    .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, HIDDEN)
}

const HIDDEN = '[hidden]'
