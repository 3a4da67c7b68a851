import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyRing } from '../../../checks/api/auth/key-ring.ts'
import { makeKeyFile, readKeyFile, rotateKeyFile } from '../../../checks/api/auth/keys.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'))
  file = join(folder, 'keys.json')
})
afterEach(() => rm(folder, { recursive: true }))

const mode = async () => (await stat(file)).mode & 0o777
const ids = async () => (await readKeyFile(file)).map(({ id }) => id)

describe('a key file', () => {
  it('holds one key of 256 bits, for the eyes of its owner only', async () => {
    await makeKeyFile(file)
    const keys = await readKeyFile(file)
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

describe('what is not a key file', () => {
  const secret = Buffer.alloc(32, 7).toString('base64url')
  const jwk = { kty: 'oct', alg: 'HS256', kid: 'one', k: secret }

  it.each([
    ['text around it', `{"keys": [${secret}`],
    ['nothing', ''],
    ['no keys', { keys: [] }],
    ['a key too short', { keys: [{ ...jwk, k: secret.slice(0, 40) }] }],
    ['a key for another algorithm', { keys: [{ ...jwk, alg: 'RS256' }] }],
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
    expect(after[0].id).not.toBe(before[0].id)
    expect(after[1]).toEqual(before[0])
    expect(await ring()).toBe(after)
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
    expect(await ring()).toHaveLength(1)
  })
})
