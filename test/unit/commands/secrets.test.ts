import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readToken } from '../../../checks/api/auth/api-token.ts'
import { readKeyFile, revokeInKeyFile, rotateKeyFile } from '../../../checks/api/auth/keys.ts'
import { revealed } from '../../../provision/provider/secret-values.ts'
import { keepSecrets } from '../../../provision/stack-secrets.ts'

describe('the secrets of a stack', () => {
  let folder: string
  let files: { tokens: string; apiKeys: string }
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secrets-'))
    files = { tokens: join(folder, 'state/tokens.json'), apiKeys: join(folder, 'state/keys.json') }
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('are made once, each another, for the eyes of their owner', async () => {
    const made = await keepSecrets(files)
    const values = Object.values(made.tokens)
    for (const token of values) expect(token).toMatch(/^[0-9a-f]{64}$/)
    expect(new Set(values).size).toBe(3)
    for (const file of Object.values(files)) expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await keepSecrets(files)).toEqual(made)
  })

  it('have a monitor’s token that stays the same for half a year, and is always good for half a year more', async () => {
    const DAY = 24 * 3600 * 1000
    const [from, seen] = [Date.UTC(2030, 0, 1), new Map<string, number>()]
    for (let day = 0; day < 3 * 366; day += 6) {
      const now = from + day * DAY
      const { monitorToken } = await keepSecrets(files, undefined, now)
      const keys = await readKeyFile(files.apiKeys)
      for (const at of [now, now + 182 * DAY]) {
        expect(await readToken(keys, monitorToken, at)).toEqual({ scope: 'monitor' })
      }
      seen.set(monitorToken, (seen.get(monitorToken) ?? 0) + 1)
    }
    expect(seen.size).toBeLessThanOrEqual(7)
    const { monitorToken } = await keepSecrets(files)
    await revokeInKeyFile(files.apiKeys, { scope: 'monitor' })
    const after = await keepSecrets(files)
    expect(after.monitorToken).not.toBe(monitorToken)
    const keys = await readKeyFile(files.apiKeys)
    expect(await readToken(keys, after.monitorToken, Date.now())).toEqual({ scope: 'monitor' })
  })

  it('come back from what the state remembers when the files are gone', async () => {
    const made = await keepSecrets(files)
    await rm(join(folder, 'state'), { recursive: true })
    expect(await keepSecrets(files, made)).toEqual(made)
    expect(await readFile(files.apiKeys, 'utf8')).toBe(made.apiKeys)
  })

  it('are what the files say, so that a rotated key is taken up', async () => {
    const made = await keepSecrets(files)
    await rotateKeyFile(files.apiKeys)
    const now = await keepSecrets(files, made)
    expect(now.tokens).toEqual(made.tokens)
    expect(JSON.parse(now.apiKeys).keys).toHaveLength(2)
    expect(now.monitorToken).not.toBe(made.monitorToken)
  })

  it('are refused, and not shown, when a file holds something else', async () => {
    const { tokens } = await keepSecrets(files)
    await writeFile(files.tokens, JSON.stringify({ ...tokens, chroma: 'short' }))
    const refusal = await keepSecrets(files).catch(error => error)
    expect(refusal).toMatchObject({ kind: 'misused' })
    expect(refusal.text).toContain(files.tokens)
    expect(refusal.text).not.toContain(tokens.ollama)
  })
})

describe('secrets on their way to the provider', () => {
  const MARK = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270' }

  it('are laid open however deep they are, and everything else stays', () => {
    const plain = { url: 'u', list: [1, null, { token: 't' }] }
    expect(revealed({ url: 'u', list: [1, null, { token: { ...MARK, value: 't' } }] })).toEqual(
      plain,
    )
    expect(revealed({ ...MARK, value: { inner: { ...MARK, value: plain } } })).toEqual({
      inner: plain,
    })
    expect(revealed(plain)).toEqual(plain)
  })
})
