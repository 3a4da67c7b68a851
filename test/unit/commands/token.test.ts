import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { readToken } from '../../../checks/api/auth/api-token.ts'
import { readKeyFile } from '../../../checks/api/auth/keys.ts'
import { apiKeysOf, tokensOf } from '../../../infra/settings/home-paths.ts'
import { token } from '../../../provision/commands/access/token.ts'
import { isFree } from '../../../provision/processes/free-port.ts'
import { keepSecrets } from '../../../provision/stack-secrets.ts'
import { Steps } from '../../../provision/steps/steps.ts'

/** Where nothing listens, so that no API answers. */
const NOBODY = 9

let folder: string
let home: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'token-'))
  home = join(folder, 'home')
  await keepSecrets({ tokens: tokensOf(home), apiKeys: apiKeysOf(home) })
  expect(await isFree(NOBODY)).toBe(true)
})
afterEach(() => rm(folder, { recursive: true }))

async function run(options: object, target = 'local') {
  const configFile = join(folder, 'stack.yaml')
  const settings = { target, home, apiPort: NOBODY }
  const entries = Object.entries(settings).map(([key, value]) => [`knowledge-stack:${key}`, value])
  await writeFile(configFile, stringify({ config: Object.fromEntries(entries) }))
  const { signal } = new AbortController()
  const steps = new Steps(signal)
  return token.run({ stack: 'test', configFile, minutes: 60, ...options }, { steps, signal })
}

const read = async (text: string) => readToken(await readKeyFile(apiKeysOf(home)), text, Date.now())
const make = async (options: object) => (await run(options)).text

describe('npm run token', () => {
  it.each([
    [{ creator: 'ada' }, { scope: 'creator', creator: 'ada' }],
    [{ service: true }, { scope: 'service' }],
    [{ monitor: true }, { scope: 'monitor' }],
  ])('makes one for %o', async (options, grant) => {
    const { text, document } = await run(options)
    expect(await read(text)).toEqual(grant)
    expect(document).toEqual({ ...grant, token: text, minutes: 60 })
  })

  it('--revoke ends those of the one who is named, and of nobody else, and says when that counts', async () => {
    const [ada, bob, service] = [
      await make({ creator: 'ada' }),
      await make({ creator: 'bob' }),
      await make({ service: true }),
    ]
    const { text, document } = await run({ revoke: true, creator: 'ada' })
    expect(text).toMatch(/creator ada.*void; this counts as soon as the API runs/)
    expect(document).toMatchObject({ counts: 'once the API runs' })
    await expect(read(ada)).rejects.toThrow('revoked')
    expect(await read(bob)).toMatchObject({ creator: 'bob' })
    expect(await read(await make({ creator: 'ada' }))).toMatchObject({ creator: 'ada' })
    await run({ revoke: true, service: true })
    await expect(read(service)).rejects.toThrow('revoked')
  })

  it('--revoke --all ends every one, by a new key in place of all others', async () => {
    const before = [await make({ creator: 'ada' }), await make({ monitor: true })]
    await run({ rotate: true })
    await run({ revoke: true, all: true })
    for (const token of before) await expect(read(token)).rejects.toThrow('not valid')
    expect(await read(await make({ service: true }))).toEqual({ scope: 'service' })
  })

  it('--rotate lets older ones be, and makes one by the new key where one is asked for', async () => {
    const older = await make({ service: true })
    const newer = await make({ rotate: true, service: true })
    expect(newer.split('.')[0]).not.toBe(older.split('.')[0])
    expect(await read(older)).toEqual(await read(newer))
  })

  it('--rotate --servers --files-only has other tokens in their file, and says which command makes them count', async () => {
    const before = JSON.parse(await readFile(tokensOf(home), 'utf8'))
    const options = { rotate: true, servers: true, filesOnly: true }
    const { text, document } = await run(options, 'docker')
    expect(text).toMatch(/after the next npm run up -- --stack test, or pulumi up/)
    expect(document).toMatchObject({ counts: 'once deployed' })
    const now = JSON.parse(await readFile(tokensOf(home), 'utf8'))
    const values = [...Object.values(before), ...Object.values(now)]
    expect(new Set(values).size).toBe(6)
  })

  it.each([
    [{}, 'for one creator, for a service or for a monitor'],
    [{ creator: 'ada', service: true }, 'for one creator, for a service or for a monitor'],
    [{ revoke: true }, 'Whose tokens are to end'],
    [{ revoke: true, all: true, creator: 'ada' }, 'Whose tokens are to end'],
    [{ revoke: true, rotate: true, all: true }, 'Either --revoke or --rotate'],
    [{ all: true, service: true }, '--all does nothing by itself'],
    [{ servers: true }, '--servers does nothing by itself'],
    [{ rotate: true, servers: true }, 'the target local take no tokens'],
    [{ revoke: true, creator: 'knowledge-stack/verify/x' }, 'reserved'],
  ])('refuses %o, and changes nothing', async (options, message) => {
    const files = [apiKeysOf(home), tokensOf(home)]
    const before = await Promise.all(files.map(file => readFile(file, 'utf8')))
    await expect(run(options)).rejects.toMatchObject({
      kind: 'misused',
      message: expect.stringContaining(message),
    })
    expect(await Promise.all(files.map(file => readFile(file, 'utf8')))).toEqual(before)
  })
})
