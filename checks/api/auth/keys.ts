import { randomBytes, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import { makePrivateFolder, PRIVATE_FILE, writePrivateFile } from '../../../infra/private-files.ts'
import { readJsonFile } from './json-file.ts'

/** What HS256 asks for at least, and no more than it can use (RFC 7518, 3.2). */
const KEY_BYTES = 32
/** A key that left the front of the file verifies this many rotations longer. */
const MAX_KEYS = 3

const Jwk = z.object({
  kty: z.literal('oct'),
  alg: z.literal('HS256'),
  kid: z.string().min(1),
  /** The key itself, base64url. */
  k: z.base64url().refine(text => secretOf(text).length >= KEY_BYTES),
})
type Jwk = z.infer<typeof Jwk>

const KeySet = z.object({
  keys: z
    .array(Jwk)
    .min(1)
    .refine(keys => new Set(keys.map(({ kid }) => kid)).size === keys.length),
})

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
  await writeFile(path, toText([freshKey()]), { flag: 'wx', mode: PRIVATE_FILE })
}

/** Makes the key file and its folder, unless it is there. */
export async function ensureKeyFile(path: string): Promise<void> {
  await makePrivateFolder(dirname(path))
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
  await writePrivateFile(path, toText([freshKey(), ...keys].slice(0, MAX_KEYS)))
}

/** @throws Failure `misused` when there is no such file, or it is not a key file; never with anything it holds */
export async function readKeyFile(path: string): Promise<Keys> {
  const { keys } = await readKeySet(path)
  return keys.map(({ kid, k }) => ({ id: kid, secret: secretOf(k) })) as [Key, ...Key[]]
}

async function readKeySet(path: string): Promise<{ keys: Jwk[] }> {
  const mend = 'name the file that holds the keys, or make one: npm run up'
  const parsed = KeySet.safeParse(await readJsonFile('The key file', path, mend))
  if (parsed.success) return parsed.data
  throw new Failure(
    'misused',
    `${path} is not a key file: allowed is a JSON Web Key Set of HS256 keys of ${KEY_BYTES} bytes and more, each with a kid of its own`,
    { mend },
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
