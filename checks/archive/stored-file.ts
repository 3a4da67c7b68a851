import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { Decrypter, Encrypter } from 'age-encryption'
import { Failure } from '../../infra/failure.ts'
import { PRIVATE_FILE } from '../../infra/private-files.ts'
import { type ArchiveFile, noArchive } from './manifest.ts'
import type { NewArchive, StoredArchive } from './storage.ts'

/** Counts what goes through, and hashes it. */
function measuring() {
  const digest = createHash('sha256')
  let bytes = 0
  const through = new Transform({
    transform(chunk, _, done) {
      bytes += chunk.length
      digest.update(chunk)
      done(null, chunk)
    },
  })
  return { through, said: () => ({ bytes, sha256: digest.digest('hex') }) }
}

/**
 * Puts a file of this machine into an archive.
 * @param recipients age's, who can read it; nobody else can. Everybody can where there are none.
 */
export async function store(
  archive: NewArchive,
  name: string,
  path: string,
  recipients: readonly string[],
): Promise<Pick<ArchiveFile, 'bytes' | 'sha256'>> {
  const { through, said } = measuring()
  const content = createReadStream(path)
  const source = recipients.length === 0 ? content : await encrypted(content, recipients)
  const flow = pipeline(source, through)
  await Promise.all([flow, archive.put(name, through)])
  return said()
}

async function encrypted(content: Readable, recipients: readonly string[]): Promise<Readable> {
  const encrypter = new Encrypter()
  for (const recipient of recipients) encrypter.addRecipient(recipient)
  const stream = await encrypter.encrypt(Readable.toWeb(content) as globalThis.ReadableStream)
  return Readable.fromWeb(stream as ReadableStream)
}

/** @throws Failure `misused` for what is no recipient of age */
export function requireRecipient(recipient: string): void {
  try {
    new Encrypter().addRecipient(recipient)
  } catch (cause) {
    throw new Failure('misused', `${JSON.stringify(recipient)} is no recipient of age`, {
      mend: 'give a public key, such as age-keygen prints: age1…',
      cause,
    })
  }
}

/** @throws Failure `misused` when the file is not the one that the archive's manifest tells of */
export async function requireWhole(archive: StoredArchive, file: ArchiveFile): Promise<void> {
  const { through, said } = measuring()
  const content = await contentOf(archive, file)
  through.resume()
  await readable(archive, file, () => pipeline(content, through))
  requireSame(archive, file, said())
}

/**
 * Brings a file to this machine, in the clear.
 * @param identities of age, one of which can read it
 * @throws Failure as requireWhole does, and `misused` when none of the identities can read it
 */
export async function fetchFile(
  archive: StoredArchive,
  file: ArchiveFile,
  path: string,
  { encrypted, identities }: { encrypted: boolean; identities: readonly string[] },
): Promise<void> {
  const { through, said } = measuring()
  const content = await contentOf(archive, file)
  await readable(archive, file, async () => {
    const flow = pipeline(content, through)
    const source = encrypted ? decrypted(archive, through, identities) : Promise.resolve(through)
    const target = createWriteStream(path, { mode: PRIVATE_FILE })
    await Promise.all([flow, source.then(clear => pipeline(clear, target))])
  })
  requireSame(archive, file, said())
}

/** @throws Failure `unavailable` in the words of whoever could not read */
async function readable(
  archive: StoredArchive,
  { name }: ArchiveFile,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work()
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    const { message } = cause as Error
    throw new Failure('unavailable', `${name} of ${archive.name} cannot be read: ${message}`, {
      mend: 'run the same line again',
      cause,
    })
  }
}

async function decrypted(
  archive: StoredArchive,
  content: Readable,
  identities: readonly string[],
): Promise<Readable> {
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  try {
    const stream = await decrypter.decrypt(Readable.toWeb(content) as globalThis.ReadableStream)
    return Readable.fromWeb(stream as ReadableStream)
  } catch (cause) {
    content.destroy()
    throw new Failure(
      'misused',
      `${archive.name} is encrypted, and ${identities.length === 0 ? 'no identity was given' : 'none of the identities that were given can read it'}`,
      { mend: 'give the file of the identity that it was encrypted for: --identity FILE', cause },
    )
  }
}

async function contentOf(archive: StoredArchive, { name }: ArchiveFile): Promise<Readable> {
  const content = await archive.read(name)
  if (content === undefined) throw noArchive(archive.name, `${name} is missing`)
  return content
}

function requireSame(
  archive: StoredArchive,
  { name, bytes, sha256 }: ArchiveFile,
  found: Pick<ArchiveFile, 'bytes' | 'sha256'>,
): void {
  if (found.bytes !== bytes) {
    throw noArchive(archive.name, `${name} has ${found.bytes} bytes in place of ${bytes}`)
  }
  if (found.sha256 !== sha256) throw noArchive(archive.name, `${name} was changed or damaged`)
}
