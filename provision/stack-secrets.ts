import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { makeToken } from '../checks/api/auth/api-token.ts'
import { readJsonFile } from '../checks/api/auth/json-file.ts'
import { ensureKeyFile, readKeyFile } from '../checks/api/auth/keys.ts'
import { Failure } from '../infra/failure.ts'
import { keepPrivateFile, makePrivateFolder } from '../infra/private-files.ts'
import type { MadeSecrets, SecretFiles } from '../infra/resources.ts'
import { type Millis, minutes } from '../infra/units.ts'

const TOKEN_BYTES = 32
/** How long the token for metrics lives, which what reads them is given once at a deployment. */
const MONITOR_LIFETIME: Millis = minutes(366 * 24 * 60)

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
  const tokens = remembered?.tokens ?? { chroma: token(), ollama: token(), provisioner: token() }
  await writeOnce(files.tokens, `${JSON.stringify(tokens, null, 2)}\n`)
  if (remembered === undefined) await ensureKeyFile(files.apiKeys)
  else await writeOnce(files.apiKeys, remembered.apiKeys)
  return {
    tokens: await readTokens(files.tokens),
    apiKeys: await readFile(files.apiKeys, 'utf8'),
    monitorToken: await monitorToken(files.apiKeys, now),
  }
}

/**
 * A token that reads metrics, signed with the key that signs now. Within half of its life it is the same, so that an
 * update that changes nothing does not change it either.
 */
async function monitorToken(keyFile: string, now: number): Promise<string> {
  const halfLife = MONITOR_LIFETIME / 2
  const issued = Math.floor(now / halfLife) * halfLife
  return makeToken(await readKeyFile(keyFile), { scope: 'monitor' }, MONITOR_LIFETIME, issued)
}

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
