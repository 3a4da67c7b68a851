import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { runChecks } from '../../../checks/run-checks.ts'
import { creatorPath, documentPath, TestApi } from '../../support/api/api.ts'
import { Gate, type GateMode } from '../../support/api/gate.ts'
import { startOllamaWithModels } from '../../support/models/models.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import type { RunningOllama } from '../../support/servers/ollama.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const AI = '/api/v1/ai'
const BAD: [GateMode, RegExp][] = [
  ['hang', /gave no answer within 4\.5 s/],
  ['close', /cannot be reached/],
  ['slow', /gave no answer within 4\.5 s/],
]

describe('health, whatever the servers do', () => {
  let chroma: RunningChroma
  let ollama: RunningOllama
  const gates = {} as { chroma: Gate; ollama: Gate }
  let api: TestApi
  let service: string

  beforeAll(async () => {
    chroma = await startChroma()
    ollama = await startOllamaWithModels()
    gates.chroma = await Gate.before(chroma.url)
    gates.ollama = await Gate.before(ollama.url)
    api = await TestApi.start(outputsOf({ chroma: [gates.chroma.url], ollama: gates.ollama.url }))
    service = await api.serviceToken()
  })
  afterAll(async () => {
    await api?.stop()
    await gates.ollama.stop()
    await gates.chroma.stop()
    await ollama?.stop()
    await chroma?.stop()
  })
  beforeEach(() => {
    gates.chroma.mode = 'open'
    gates.ollama.mode = 'open'
  })

  const health = (server: 'chroma' | 'ollama') =>
    api.call('GET', `${AI}/${server === 'chroma' ? 'chromadb' : 'ollama'}/health`)
  const recovers = async (server: 'chroma' | 'ollama') => {
    // A connection that the server broke while nobody looked may cost the first look.
    while ((await health(server)).status !== 200) await sleep(100)
  }

  describe.each(['chroma', 'ollama'] as const)('of %s', server => {
    it.each(BAD)(
      'says so when the server does this: %s; and is well when it stops',
      async (mode, why) => {
        expect((await health(server)).status).toBe(200)
        gates[server].mode = mode
        const { status, body } = await health(server)
        expect({ status, healthy: body.healthy }).toEqual({ status: 503, healthy: false })
        for (const part of body.servers[0].parts) {
          expect(part).toMatchObject({ healthy: false, detail: expect.stringMatching(why) })
        }
        gates[server].mode = 'open'
        await recovers(server)
      },
    )

    it('looks at the servers once for many who ask at once', async () => {
      gates[server].mode = 'hang'
      const answers = await Promise.all(Array.from({ length: 100 }, () => health(server)))
      const bodies = new Set(answers.map(({ body }) => JSON.stringify(body)))
      expect(bodies.size).toBe(1)
      gates[server].mode = 'open'
      await recovers(server)
    })
  })

  it('is told of each server for itself', async () => {
    gates.chroma.mode = 'close'
    expect((await health('chroma')).status).toBe(503)
    expect((await health('ollama')).status).toBe(200)
  })

  it('of Chroma sees a server that was killed, and one that is back', async () => {
    await chroma.kill()
    expect(await health('chroma')).toMatchObject({ status: 503, body: { healthy: false } })
    await chroma.start()
    await recovers('chroma')
  })

  it('of Chroma sees a disk that is full, whose server is asked to write nothing, and one with room', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'disk-'))
    const data = join(folder, 'data')
    /** Nothing is ever free on what the system keeps in its place. */
    const put = async (disk: string) => {
      await rm(data, { force: true })
      await symlink(disk, data)
    }
    const outputs = outputsOf({ chroma: [chroma.url], ollama: ollama.url })
    outputs.chroma.instances[0].dataFolder = data
    const other = await TestApi.start(outputs)
    const token = await other.serviceToken()
    const body = { text: 'Cats purr.' }
    const documents = ['kept', 'refused'].map(id => documentPath('on a full disk', id))
    const [kept, refused] = documents as [string, string]
    const writes = (as: string) =>
      Promise.all([
        other.call('PUT', refused, { token: as, body }),
        other.call('DELETE', kept, { token: as }),
      ])
    const chromaHealth = () => other.call('GET', `${AI}/chromadb/health`)

    for (const file of [`${data}.room`, `${data}.room.sound`]) await writeFile(file, '')
    await put(folder)
    expect(await other.call('PUT', kept, { token, body })).toMatchObject({ status: 201 })
    expect((await chromaHealth()).status).toBe(200)

    await put('/proc')
    const { status, body: found } = await chromaHealth()
    expect(status).toBe(503)
    expect(found.servers[0].parts).toMatchObject([
      { checked: 'heartbeat', healthy: true },
      { checked: 'shards', healthy: true },
      { checked: 'disk', healthy: false, detail: expect.stringMatching(/its disk is full: 0 B/) },
    ])
    for (const answer of await writes(token)) {
      expect(answer).toMatchObject({ status: 507, body: { error: { code: 'disk-full' } } })
      expect(answer.body.error.message).toMatch(/takes no writes, since its disk is full.*256 MiB/)
    }
    for (const answer of await writes(await other.tokenFor('on a full disk'))) {
      expect(answer.status).toBe(507)
      expect(answer.body.error.message).not.toMatch(/127\.0\.0\.1|\/proc|data/)
    }
    const read = await other.call('GET', kept, { token })
    expect(read).toMatchObject({ status: 200, body: { chunks: [{ text: body.text }] } })
    const query = creatorPath('on a full disk', 'query')
    const asked = await other.call('POST', query, { token, body: { text: 'Cats' } })
    expect(asked).toMatchObject({ status: 200, body: { hits: [{ document: 'kept' }] } })
    const report = await runChecks(outputs, {
      readOnly: false,
      signal: new AbortController().signal,
    })
    const verdicts = new Map(report.checks.map(({ name, verdict }) => [name, verdict]))
    expect(verdicts.get('chroma-room')).toBe('failed')
    expect(verdicts.get('chroma-round-trip')).toBe('unchecked')

    await put(folder)
    await rm(`${data}.room`)
    expect((await chromaHealth()).status).toBe(503)
    expect((await writes(token)).map(({ status }) => status)).toEqual([507, 507])
    await writeFile(`${data}.room`, '')
    expect((await chromaHealth()).status).toBe(200)
    expect((await writes(token)).map(({ status }) => status)).toEqual([201, 200])
    await other.stop()
    await rm(folder, { recursive: true })
  })

  it('of Ollama sees one that was stopped in the middle, and goes on', async () => {
    process.kill(ollama.pid, 'SIGSTOP')
    try {
      expect((await health('ollama')).status).toBe(503)
    } finally {
      process.kill(ollama.pid, 'SIGCONT')
    }
    await recovers('ollama')
  })

  it('of Ollama says which model is not there', async () => {
    const lacking = outputsOf({ chroma: [chroma.url], ollama: ollama.url })
    lacking.models[1] = { ...lacking.models[1]!, name: 'gpt-oss:20b', serves: 'gpt-oss:20b' }
    const other = await TestApi.start(lacking)
    const { status, body } = await other.call('GET', `${AI}/ollama/health`)
    expect(status).toBe(503)
    expect(body.servers[0].parts).toMatchObject([
      { checked: 'version', healthy: true },
      { checked: 'model all-minilm:latest', healthy: true },
      {
        checked: 'model gpt-oss:20b',
        healthy: false,
        detail: expect.stringContaining('npm run models'),
      },
    ])
    await other.stop()
  })

  describe('and other routes meanwhile', () => {
    it('tell a back end what does not answer, and a creator only that', async () => {
      gates.chroma.mode = 'close'
      const ask = async (token: string) => api.call('GET', creatorPath('a', 'documents'), { token })
      const told = await ask(service)
      expect(told).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
      expect(told.body.error.message).toContain(gates.chroma.url)
      expect(told.headers.get('retry-after')).not.toBeNull()
      const outside = await ask(await api.tokenFor('a'))
      expect(outside.status).toBe(503)
      expect(outside.body.error.message).not.toContain('127.0.0.1')
    })

    it('show the models whose server does not answer with their problem', async () => {
      gates.ollama.mode = 'close'
      const { status, body } = await api.call('GET', `${AI}/models/status`)
      expect(status).toBe(200)
      expect(body.models[0].problem).toContain('cannot be reached')
    })

    it('refuse a document whose text nobody can embed, and store none of it', async () => {
      gates.ollama.mode = 'close'
      const body = { text: 'Cats purr.' }
      const put = await api.call('PUT', documentPath('b', 'd'), { token: service, body })
      expect(put.status).toBe(503)
      const read = await api.call('GET', documentPath('b', 'd'), { token: service })
      expect(read.status).toBe(404)
    })

    it('say that a model cannot be reloaded', async () => {
      gates.ollama.mode = 'close'
      const answer = await api.call('POST', `${AI}/models/reload`, { token: service })
      expect(answer).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    })
  })
})
