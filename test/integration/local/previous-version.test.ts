import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { readOwner } from '../../../provision/ownership/home-owner.ts'
import { Notes } from '../../support/docker/notes.ts'
import { previousVersion } from '../../support/stack/previous-version.ts'
import { TestStack } from '../../support/stack/test-stack.ts'

describe('a stack of local processes that the version before deployed', () => {
  let stack: TestStack
  let notes: Notes

  beforeAll(async () => {
    stack = await TestStack.make()
    // What the shell has of certificates is handed on to Ollama now, which would be another one then.
    for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']) {
      stack.env[name] = undefined
    }
    stack.project = await previousVersion()
    const { code, stderr, document } = await stack.json('up')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const { token } = (await stack.json('token', '--service', '--minutes', '60')).document
    notes = new Notes(document.endpoints.api, token)
    await notes.write('older', () => notes.acknowledged.length > 0)
  })
  afterAll(async () => {
    await stack?.end()
  })

  it('is taken over by up: it gets an owner, its models stay loaded, and its data is there', async () => {
    const before = await stack.pid('ollama')
    stack.project = PROJECT_ROOT
    const { code, stderr, document } = await stack.json('up')
    expect({ code, stderr, verdict: document.verdict }).toMatchObject({
      code: 0,
      verdict: 'passed',
    })
    // Chroma is started again, under its watchdog.
    expect(await stack.pid('ollama')).toBe(before)
    expect(await notes.lost()).toEqual([])
    expect(await readOwner(stack.home)).toMatchObject({
      stack: 'dev',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  it('is gone with all it had after down --purge', async () => {
    expect((await stack.run('down', '--purge', '--yes')).code).toBe(0)
    expect(await readdir(stack.home)).toEqual([])
  })
})
