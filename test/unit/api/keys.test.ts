import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { grantTo } from '../../../checks/api/auth/grant.ts'
import { keyRing } from '../../../checks/api/auth/key-ring.ts'
import {
  makeKeyFile,
  readKeyFile,
  replaceKeyFile,
  revokeInKeyFile,
  rotateKeyFile,
} from '../../../checks/api/auth/keys.ts'
import { revokedUntil } from '../../../checks/api/auth/revocations.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'))
  file = join(folder, 'keys.json')
})
afterEach(() => rm(folder, { recursive: true }))

const mode = async () => (await stat(file)).mode & 0o777
const ids = async () => (await readKeyFile(file)).keys.map(({ id }) => id)

describe('a key file', () => {
  it('holds one key of 256 bits, for the eyes of its owner only', async () => {
    await makeKeyFile(file)
    const { keys } = await readKeyFile(file)
    expect(keys.map(({ secret }) => secret.length)).toEqual([32])
    expect(await mode()).toBe(0o600)
  })

  it('is never made over another one', async () => {
    await makeKeyFile(file)
    const before = await readFile(file, 'utf8')
    await expect(makeKeyFile(file)).rejects.toThrow('EEXIST')
    expect(await readFile(file, 'utf8')).toBe(before)
  })

  it('has a fresh key in front after a rotation, and keeps the two before it', async () => {
    await makeKeyFile(file)
    const seen = await ids()
    for (let rotation = 0; rotation < 4; rotation += 1) {
      await rotateKeyFile(file)
      const now = await ids()
      expect(seen).not.toContain(now[0])
      expect(now.slice(1)).toEqual(seen.slice(0, 2))
      seen.unshift(now[0]!)
      expect(await mode()).toBe(0o600)
    }
  })
})

describe('a revocation', () => {
  const NOW = Date.UTC(2030, 0, 1)
  const YEAR = 366 * 24 * 3600 * 1000
  const alice = grantTo({ scope: 'creator', creator: 'alice' })
  const revoked = async () => JSON.parse(await readFile(file, 'utf8')).revoked

  it('stays with its keys, beside them as another reader of key sets takes them', async () => {
    await makeKeyFile(file)
    const before = await ids()
    await revokeInKeyFile(file, alice, NOW)
    await rotateKeyFile(file)
    expect((await ids()).slice(1)).toEqual(before)
    expect(await revoked()).toEqual([{ scope: 'creator', sub: 'alice', until: NOW / 1000 }])
    expect(await mode()).toBe(0o600)
  })

  it('is held of whatever creator, once of each, and forgotten when what it ended has expired', async () => {
    await makeKeyFile(file)
    for (const creator of ['__proto__', 'service', 'service ', 'alice', 'alice']) {
      await revokeInKeyFile(file, grantTo({ scope: 'creator', creator }), NOW)
    }
    await revokeInKeyFile(file, { scope: 'service' }, NOW + 1000)
    const { revoked: held } = await readKeyFile(file)
    expect(held.size).toBe(5)
    expect(revokedUntil(held, { scope: 'service' })).toBe(NOW / 1000 + 1)
    expect(revokedUntil(held, { scope: 'monitor' })).toBeUndefined()
    // The second of alice's: tokens that were made after the first are in it.
    expect(revokedUntil(held, alice)).toBe(NOW / 1000 + 1)
    await revokeInKeyFile(file, { scope: 'monitor' }, NOW + YEAR)
    expect(await revoked()).toMatchObject([{ sub: 'alice' }, { scope: 'service' }, {}])
  })

  it('is refused when the file would become larger than a cluster takes, with the way out', async () => {
    await makeKeyFile(file)
    const full = JSON.parse(await readFile(file, 'utf8'))
    full.revoked = Array.from({ length: 5000 }, (_, index) => ({
      scope: 'creator',
      sub: `${index}`.padEnd(80, 'x'),
      until: NOW / 1000,
    }))
    await writeFile(file, JSON.stringify(full))
    await expect(revokeInKeyFile(file, alice, NOW)).rejects.toMatchObject({
      kind: 'misused',
      text: expect.stringMatching(/5001 revocations.*allowed is 512 KiB/),
      mend: expect.stringContaining('--revoke --all'),
    })
    await replaceKeyFile(file)
    expect(await revoked()).toEqual([])
  })

  it('of all is a fresh key in the place of all others', async () => {
    await makeKeyFile(file)
    await rotateKeyFile(file)
    const before = await ids()
    await replaceKeyFile(file)
    expect(await ids()).toHaveLength(1)
    expect(before).not.toContain((await ids())[0])
  })
})

describe('what is not a key file', () => {
  const secret = Buffer.alloc(32, 7).toString('base64url')
  const jwk = { kty: 'oct', alg: 'HS256', kid: 'one', k: secret }

  it.each([
    ['text around it', `{"keys": [${secret}`],
    ['nothing', ''],
    ['no keys', { keys: [] }],
    ['a key too short', { keys: [{ ...jwk, k: secret.slice(0, 40) }] }],
    ['a key for another algorithm', { keys: [{ ...jwk, alg: 'RS256' }] }],
    ['a revocation of nobody', { keys: [jwk], revoked: [{ scope: 'all', until: 1 }] }],
    ['a key without a name', { keys: [{ ...jwk, kid: '' }] }],
    ['two keys of one name', { keys: [jwk, { ...jwk, k: secret.toUpperCase() }] }],
  ])('is refused with %s, and its content told to nobody', async (_what, content) => {
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
    const error: Error = await readKeyFile(file).then(
      () => expect.unreachable('it was taken'),
      error => error,
    )
    expect(error.message).toContain(`${file} is not a key file`)
    expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain(
      secret.slice(0, 8),
    )
  })

  it('is refused when there is none, with what makes one', async () => {
    await expect(readKeyFile(file)).rejects.toMatchObject({
      kind: 'misused',
      message: expect.stringContaining('ENOENT'),
      mend: expect.stringContaining('npm run up'),
    })
  })
})

describe('the keys that hold now', () => {
  it('are those of the file after each change to it', async () => {
    await makeKeyFile(file)
    const ring = await keyRing(file)
    const before = await ring()
    await rotateKeyFile(file)
    const after = await ring()
    expect(after.keys[0].id).not.toBe(before.keys[0].id)
    expect(after.keys[1]).toEqual(before.keys[0])
    expect(await ring()).toBe(after)
    await revokeInKeyFile(file, { scope: 'service' })
    expect((await ring()).revoked.size).toBe(1)
  })

  it('are none while the file is broken or gone, and hold again afterwards', async () => {
    await makeKeyFile(file)
    const good = await readFile(file)
    const ring = await keyRing(file)
    await writeFile(file, 'half of')
    await expect(ring()).rejects.toMatchObject({ kind: 'unavailable' })
    await rm(file)
    await expect(ring()).rejects.toMatchObject({ kind: 'unavailable' })
    await writeFile(file, good)
    expect((await ring()).keys).toHaveLength(1)
  })
})
