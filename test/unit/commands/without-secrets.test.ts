import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { readKeyFile } from '../../../checks/api/auth/keys.ts'
import { apiKeysOf, tokensOf } from '../../../infra/settings/home-paths.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { knownSecrets, withoutSecrets } from '../../../provision/diagnose/known-secrets.ts'
import { keepSecrets } from '../../../provision/stack-secrets.ts'

describe('what leaves the machine', () => {
  let home: string
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'secrets-'))
  })
  afterAll(() => rm(home, { recursive: true }))

  it('has no token and no key of the stack in it, wherever one stood', async () => {
    const files = { tokens: tokensOf(home), apiKeys: apiKeysOf(home) }
    const { tokens, apiKeys, monitorToken } = await keepSecrets(files)
    const settings = parseSettings('test', {
      home,
      embeddingModel: 'all-minilm',
      chatModel: 'smollm2:135m',
    })
    const secrets = await knownSecrets(settings)
    const said = [
      `Authorization: Bearer ${tokens.chroma}`,
      `OLLAMA=${tokens.ollama} ${tokens.provisioner}`,
      apiKeys,
      monitorToken,
      await makeToken(await readKeyFile(files.apiKeys), { scope: 'service' }, 60_000),
    ].join('\n')
    const clean = withoutSecrets(said, secrets)
    for (const secret of [...Object.values(tokens), monitorToken]) {
      expect(clean).not.toContain(secret)
    }
    for (const { k } of JSON.parse(apiKeys).keys) expect(clean).not.toContain(k)
    expect(clean).toContain('Authorization: Bearer [hidden]')
  })

  it('has no password of a URL in it', () => {
    const said = 'httpsProxy: http://ada:secret@proxy.example:3128 and https://ada@example.org/x'
    expect(withoutSecrets(said, [])).toBe(
      'httpsProxy: http://ada:[hidden]@proxy.example:3128 and https://ada@example.org/x',
    )
  })
})
