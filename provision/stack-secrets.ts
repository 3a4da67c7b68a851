import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { makeToken } from '../checks/api/auth/api-token.ts'
import { LONGEST } from '../checks/api/auth/grant.ts'
import { readJsonFile } from '../checks/api/auth/json-file.ts'
import { ensureKeyFile, readKeyFile } from '../checks/api/auth/keys.ts'
import { Failure } from '../infra/failure.ts'
import { keepPrivateFile, makePrivateFolder, writePrivateFile } from '../infra/private-files.ts'
import type { MadeSecrets, SecretFiles } from '../infra/resources.ts'
import type { Millis } from '../infra/units.ts'

const TOKEN_BYTES = 32
/** So often a monitor's token is another: half as often as it would have to be. */
const MONITOR_TERM: Millis = LONGEST / 2

const Token = z.string().regex(/^[0-9a-f]{64}$/)
const Tokens = z.strictObject({ chroma: Token, ollama: Token, provisioner: Token })

/**
 * The secrets of a stack: as its files have them, else as the state remembers them, else made now. The files are
 * there afterwards, readable for their owner only.
 * @param now Unix milliseconds
 * @throws Failure `misused` when a file is there and holds something else; never with anything it holds
 */
export async function keepSecrets(
  files: SecretFiles,
  remembered?: Pick<MadeSecrets, 'tokens' | 'apiKeys'>,
  now: number = Date.now(),
): Promise<MadeSecrets> {
  await writeOnce(files.tokens, toText(remembered?.tokens ?? freshTokens()))
  if (remembered === undefined) await ensureKeyFile(files.apiKeys)
  else await writeOnce(files.apiKeys, remembered.apiKeys)
  return {
    tokens: await readTokens(files.tokens),
    apiKeys: await readFile(files.apiKeys, 'utf8'),
    monitorToken: await monitorToken(files.apiKeys, now),
  }
}

/**
 * Puts fresh tokens of the auth proxies in the place of the old ones, in their file; the next update takes them up.
 * @throws Failure `misused` when there is none, or it holds something else
 */
export async function replaceTokens(path: string): Promise<void> {
  await readTokens(path)
  await writePrivateFile(path, toText(freshTokens()))
}

/** The same one until its term is over, so that an update changes nothing; it lives for a term longer. */
async function monitorToken(keyFile: string, now: number): Promise<string> {
  const termBegan = Math.floor(now / MONITOR_TERM) * MONITOR_TERM
  return makeToken(await readKeyFile(keyFile), { scope: 'monitor' }, LONGEST, termBegan)
}

const freshTokens = (): MadeSecrets['tokens'] => ({
  chroma: token(),
  ollama: token(),
  provisioner: token(),
})

const toText = (tokens: MadeSecrets['tokens']): string => `${JSON.stringify(tokens, null, 2)}\n`

const token = (): string => randomBytes(TOKEN_BYTES).toString('hex')

async function writeOnce(path: string, text: string): Promise<void> {
  await makePrivateFolder(dirname(path))
  await keepPrivateFile(path, text)
}

async function readTokens(path: string): Promise<MadeSecrets['tokens']> {
  const mend = `remove it and deploy again, which makes new ones: rm ${path}`
  const parsed = Tokens.safeParse(await readJsonFile('The file of tokens', path, mend))
  if (parsed.success) return parsed.data
  throw new Failure('misused', `${path} does not hold the tokens of a stack`, { mend })
}
