import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'

/** What HS256 asks for at least, and no more than it can use (RFC 7518, 3.2). */
const KEY_BYTES = 32
/** A key that left the front of the file verifies this many rotations longer. */
const MAX_KEYS = 3
/** For the owner's eyes. */
const MODE = 0o600

const Jwk = z.object({
  kty: z.literal('oct'),
  alg: z.literal('HS256'),
  kid: z.string().min(1),
  /** The key itself, base64url. */
  k: z.base64url().refine(text => secretOf(text).length >= KEY_BYTES),
})
const KeySet = z.object({ keys: z.array(Jwk).min(1) })
type Jwk = z.infer<typeof Jwk>

/** A key that tokens are signed and verified with. */
export interface Key {
  /** Names the key in a token's header. */
  id: string
  secret: Uint8Array
}

/** Keys of which the first signs and all verify. */
export type Keys = readonly [Key, ...Key[]]

/**
 * Writes a key file with one fresh key, readable for its owner only: a JSON Web Key Set (RFC 7517).
 * @throws when the file exists: tokens that were signed with its keys would become void
 */
export async function makeKeyFile(path: string): Promise<void> {
  await writeFile(path, toText([freshKey()]), { flag: 'wx', mode: MODE })
}

/** Makes the key file and its folder, unless it is there. */
export async function ensureKeyFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await makeKeyFile(path).catch(error => {
    if (error.code !== 'EEXIST') throw error
  })
}

/**
 * Puts a fresh key in front: it signs from now on, and what older keys signed stays valid until the third
 * rotation after it. An API that runs takes the new file up by itself.
 */
export async function rotateKeyFile(path: string): Promise<void> {
  const { keys } = await readKeySet(path)
  const draft = `${path}.new`
  await writeFile(draft, toText([freshKey(), ...keys].slice(0, MAX_KEYS)), { mode: MODE })
  await rename(draft, path)
}

/** @throws Failure `misused` when there is no such file, or it is no key file; never with anything it holds */
export async function readKeyFile(path: string): Promise<Keys> {
  const { keys } = await readKeySet(path)
  return keys.map(({ kid, k }) => ({ id: kid, secret: secretOf(k) })) as [Key, ...Key[]]
}

async function readKeySet(path: string): Promise<{ keys: Jwk[] }> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw new Failure('misused', `The key file ${path} cannot be read (${error.code})`, {
      mend: 'name the file that holds the keys, or make one: npm run up',
    })
  })
  const parsed = KeySet.safeParse(parseJson(text))
  if (
    parsed.success &&
    new Set(parsed.data.keys.map(key => key.kid)).size === parsed.data.keys.length
  ) {
    return parsed.data
  }
  // Neither the text nor the parser's own words: both may hold the secret.
  throw new Failure(
    'misused',
    `${path} is no key file: allowed is a JSON Web Key Set of HS256 keys of ${KEY_BYTES} bytes and more, each with a kid of its own`,
  )
}

const freshKey = (): Jwk => ({
  kty: 'oct',
  alg: 'HS256',
  kid: randomUUID(),
  k: randomBytes(KEY_BYTES).toString('base64url'),
})

const secretOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))

const toText = (keys: Jwk[]): string => `${JSON.stringify({ keys }, null, 2)}\n`

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
