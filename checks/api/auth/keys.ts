import { randomBytes, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import { makePrivateFolder, PRIVATE_FILE, writePrivateFile } from '../../../infra/private-files.ts'
import { type Bytes, formatBytes, KiB } from '../../../infra/units.ts'
import { type Grant, LONGEST } from './grant.ts'
import { readJsonFile } from './json-file.ts'
import { Revocation, type Revocations, revocationsOf, withRevoked } from './revocations.ts'

/** What HS256 asks for at least, and no more than it can use (RFC 7518, 3.2). */
const KEY_BYTES = 32
/** A key that left the front of the file verifies this many rotations longer. */
const MAX_KEYS = 3
/** Bytes of the file: an object of a cluster holds a MiB, and the stack's outputs are in the same one. */
const LARGEST_FILE: Bytes = 512 * KiB

const Jwk = z.object({
  kty: z.literal('oct'),
  alg: z.literal('HS256'),
  kid: z.string().min(1),
  /** The key itself, base64url. */
  k: z.base64url().refine(text => secretOf(text).length >= KEY_BYTES),
})
type Jwk = z.infer<typeof Jwk>

const KeyFile = z.object({
  keys: z
    .array(Jwk)
    .min(1)
    .refine(keys => new Set(keys.map(({ kid }) => kid)).size === keys.length),
  /** A member of our own, as RFC 7517 (5) allows: who reads key sets otherwise leaves it alone. */
  revoked: z.array(Revocation).default([]),
})
type KeyFile = z.infer<typeof KeyFile>

/** A key that tokens are signed and verified with. */
export interface Key {
  /** Names the key in a token's header. */
  id: string
  secret: Uint8Array
}

/** Keys of which the first signs and all verify. */
export type Keys = readonly [Key, ...Key[]]

/** What a token is made with, and judged by. */
export interface KeySet {
  keys: Keys
  revoked: Revocations
}

/**
 * Writes a key file with one fresh key, readable for its owner only: a JSON Web Key Set (RFC 7517).
 * @throws when the file exists: tokens that were signed with its keys would become void
 */
export async function makeKeyFile(path: string): Promise<void> {
  await writeFile(path, toText({ keys: [freshKey()], revoked: [] }), {
    flag: 'wx',
    mode: PRIVATE_FILE,
  })
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
  const { keys, revoked } = await readFileOfKeys(path)
  await write(path, { keys: [freshKey(), ...keys].slice(0, MAX_KEYS), revoked })
}

/** Puts a fresh key in the place of all others: no token that was made until now counts any more. */
export async function replaceKeyFile(path: string): Promise<void> {
  await readFileOfKeys(path)
  await write(path, { keys: [freshKey()], revoked: [] })
}

/**
 * Has no token of this grant count that was made until now; one that is made from now on does.
 * @param now Unix milliseconds
 * @throws Failure `misused` when the file has no room for more
 */
export async function revokeInKeyFile(
  path: string,
  grant: Grant,
  now: number = Date.now(),
): Promise<void> {
  const { keys, revoked } = await readFileOfKeys(path)
  await write(path, { keys, revoked: withRevoked(revoked, grant, LONGEST, now) })
}

/** @throws Failure `misused` when there is no such file, or it is not a key file; never with anything it holds */
export async function readKeyFile(path: string): Promise<KeySet> {
  const { keys, revoked } = await readFileOfKeys(path)
  const known = keys.map(({ kid, k }) => ({ id: kid, secret: secretOf(k) })) as [Key, ...Key[]]
  return { keys: known, revoked: revocationsOf(revoked) }
}

async function readFileOfKeys(path: string): Promise<KeyFile> {
  const mend = 'name the file that holds the keys, or make one: npm run up'
  const parsed = KeyFile.safeParse(await readJsonFile('The key file', path, mend))
  if (parsed.success) return parsed.data
  throw new Failure(
    'misused',
    `${path} is not a key file: allowed is a JSON Web Key Set of HS256 keys of ${KEY_BYTES} bytes and more, each with a kid of its own`,
    { mend },
  )
}

async function write(path: string, file: KeyFile): Promise<void> {
  const text = toText(file)
  const bytes = Buffer.byteLength(text)
  if (bytes <= LARGEST_FILE) return writePrivateFile(path, text)
  throw new Failure(
    'misused',
    `${path} would have ${formatBytes(bytes)} with its ${file.revoked.length} revocations of the last year; allowed is ${formatBytes(LARGEST_FILE)}`,
    { mend: 'end all tokens in their place: npm run token -- --revoke --all' },
  )
}

const freshKey = (): Jwk => ({
  kty: 'oct',
  alg: 'HS256',
  kid: randomUUID(),
  k: randomBytes(KEY_BYTES).toString('base64url'),
})

const secretOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))

const toText = (file: KeyFile): string => `${JSON.stringify(file, null, 2)}\n`
