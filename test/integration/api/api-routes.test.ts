import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestApi } from '../../support/api/api.ts'
import { Gate } from '../../support/api/gate.ts'
import { type ServedModels, serveModels } from '../../support/api/served-models.ts'
import type { RunningChroma } from '../../support/servers/chroma.ts'
import type { RunningOllama } from '../../support/servers/ollama.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const AI = '/api/v1/ai'

describe('the HTTP API of a deployment that is well', () => {
  let served: ServedModels
  let chroma: RunningChroma
  let ollama: RunningOllama
  let api: TestApi
  let service: string

  beforeAll(async () => {
    served = await serveModels()
    ;({ chroma, ollama, api, service } = served)
  })
  afterAll(() => served?.stop())

  describe('health', () => {
    it('says of Chroma what was looked at, how long it took and what was found', async () => {
      const { status, body } = await api.call('GET', `${AI}/chromadb/health`)
      expect(status).toBe(200)
      expect(body).toMatchObject({
        healthy: true,
        servers: [{ server: `Chroma at ${chroma.url}`, parts: [{ checked: 'heartbeat' }, {}] }],
      })
      for (const part of body.servers[0].parts) {
        expect(part).toMatchObject({ healthy: true, millis: expect.any(Number) })
        expect(part.detail).not.toBe('')
      }
    })

    it('says to an orchestrator whether it answers, and whether all behind it is well', async () => {
      expect(await api.call('GET', '/healthz')).toMatchObject({
        status: 200,
        body: { healthy: true },
      })
      const { status, body } = await api.call('GET', '/readyz')
      expect(status).toBe(200)
      expect(body.servers.map(({ server }: { server: string }) => server)).toEqual([
        `Chroma at ${chroma.url}`,
        `Ollama at ${ollama.url}`,
      ])
    })

    it('says the same of Ollama and of each model', async () => {
      const { status, body } = await api.call('GET', `${AI}/ollama/health`)
      expect(status).toBe(200)
      expect(body.servers[0].parts).toMatchObject([
        { checked: 'version', detail: expect.stringContaining('Ollama 0.') },
        { checked: 'model all-minilm:latest', healthy: true },
        { checked: 'model smollm2:135m', healthy: true },
      ])
    })
  })

  describe('models', () => {
    it('are reloaded, verified and told of, for who has the service token', async () => {
      const { status, body } = await api.call('POST', `${AI}/models/reload`, { token: service })
      expect({ status, error: body.error }).toEqual({ status: 200, error: undefined })
      const loaded = { processor: 'cpu', memoryBytes: expect.any(Number) }
      expect(body.models).toMatchObject([
        { name: 'all-minilm:latest', present: true, loaded },
        { name: 'smollm2:135m', present: true, loaded: { ...loaded, contextLength: 2048 } },
      ])
      const seen = await api.call('GET', `${AI}/models/status`)
      expect(seen).toMatchObject({ status: 200, body: { models: body.models } })
    })

    it('are reloaded one at a time when one is named, and none of another name', async () => {
      const one = { token: service, body: { model: 'all-minilm:latest' } }
      const { body } = await api.call('POST', `${AI}/models/reload`, one)
      expect(body.models).toMatchObject([{ name: 'all-minilm:latest' }])
      const other = { token: service, body: { model: 'gpt-oss:20b' } }
      expect(await api.call('POST', `${AI}/models/reload`, other)).toMatchObject({
        status: 404,
        body: { error: { code: 'not-found', message: expect.stringContaining('smollm2:135m') } },
      })
    })

    it('are held to the digests that were pinned, everywhere', async () => {
      const { body } = await api.call('GET', `${AI}/models/status`)
      const outputs = outputsOf({ chroma: [chroma.url], ollama: ollama.url })
      const [embedding, chat] = outputs.models
      embedding!.digest = body.models[0].digest
      chat!.digest = 'f'.repeat(64)
      const pinned = await TestApi.start(outputs)
      const status = await pinned.call('GET', `${AI}/models/status`)
      expect(status.body.models).toMatchObject([
        { asProvisioned: true, pinnedDigest: embedding!.digest },
        { asProvisioned: false, pinnedDigest: chat!.digest, digest: body.models[1].digest },
      ])
      const health = await pinned.call('GET', `${AI}/ollama/health`)
      expect(health.status).toBe(503)
      expect(health.body.servers[0].parts[2].detail).toContain('another digest than provisioned')
      const token = await pinned.serviceToken()
      const reload = await pinned.call('POST', `${AI}/models/reload`, { token })
      expect(reload.status).toBe(503)
      expect(reload.body.error.message).toContain('smollm2:135m was loaded again, but its digest')
      await pinned.stop()
    })

    it('are reloaded once at a time, also when the one who asked has left', async () => {
      const gate = await Gate.before(ollama.url)
      const slow = await TestApi.start(outputsOf({ chroma: [chroma.url], ollama: gate.url }))
      const headers = { authorization: `Bearer ${await slow.serviceToken()}` }
      const reload = (signal?: AbortSignal) =>
        fetch(`${slow.url}${AI}/models/reload`, { method: 'POST', headers, signal: signal ?? null })
      gate.mode = 'hang'
      await expect(reload(AbortSignal.timeout(300))).rejects.toMatchObject({ name: 'TimeoutError' })
      expect(await (await reload()).json()).toMatchObject({
        error: { message: expect.stringContaining('there is room for: 1 at once') },
      })
      gate.mode = 'open'
      while ((await reload()).status !== 200) await sleep(200)
      await slow.stop()
      await gate.stop()
    })

    it('are not reloaded for nobody, nor for a creator', async () => {
      const nobody = await api.call('POST', `${AI}/models/reload`)
      expect(nobody).toMatchObject({ status: 401, body: { error: { code: 'unauthorised' } } })
      expect(nobody.headers.get('www-authenticate')).toBe('Bearer')
      const creator = { token: await api.tokenFor('a') }
      expect((await api.call('POST', `${AI}/models/reload`, creator)).status).toBe(403)
    })
  })

  describe('the commands that the seed of this project was verified with', () => {
    // As PowerShell's Invoke-WebRequest sends them, which names the type of a form for the body that a POST has not.
    const EMPTY = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' }
    it.each([
      ['GET', `${AI}/models/status`],
      ['POST', `${AI}/ollama/test-embedding`],
      ['GET', `${AI}/chromadb/health`],
      ['GET', `${AI}/ollama/health`],
      ['GET', `${AI}/chromadb/stats`],
    ])('work as they stand, without a token: %s %s', async (method, path) => {
      const url = new URL(api.url + path)
      url.hostname = 'localhost'
      const asked = method === 'POST' ? EMPTY : {}
      for (const headers of [asked, {}]) {
        const sent = request(url, { method, headers, family: 4 }).end()
        const [answer] = (await once(sent, 'response')) as [IncomingMessage]
        expect({ status: answer.statusCode, said: await text(answer) }).toMatchObject({
          status: 200,
        })
      }
    })
  })

  describe('a try of the models', () => {
    it('embeds a text of the API’s own, or of the caller’s', async () => {
      const own = await api.call('POST', `${AI}/ollama/test-embedding`)
      expect(own).toMatchObject({ status: 200, body: { dimensions: 384 } })
      const asked = { body: { text: 'Cats purr.' } }
      const { body } = await api.call('POST', `${AI}/ollama/test-embedding`, asked)
      expect(body.embedding).toHaveLength(384)
      expect(body.embedding).not.toEqual(own.body.embedding)
    })

    it('chats with as many tokens as asked for', async () => {
      const asked = { body: { message: 'Say hello.', maxTokens: 3 } }
      const { status, body } = await api.call('POST', `${AI}/ollama/test-chat`, asked)
      expect({ status, tokens: body.tokens }).toEqual({ status: 200, tokens: 3 })
      expect(body.content).not.toBe('')
    })

    it.each([
      ['an empty text', 'test-embedding', { text: '' }, 400],
      ['a text longer than the model’s context', 'test-embedding', { text: 'a '.repeat(600) }, 400],
      ['a text longer than allowed', 'test-embedding', { text: 'x'.repeat(9000) }, 400],
      ['a body longer than allowed', 'test-embedding', { text: 'x'.repeat(300_000) }, 413],
      ['a key that nobody knows', 'test-embedding', { texts: [] }, 400],
      ['a message that may not fit the context', 'test-chat', { message: 'x'.repeat(2048) }, 400],
      ['an answer of no tokens', 'test-chat', { maxTokens: 0 }, 400],
      ['an answer of all tokens', 'test-chat', { maxTokens: 1e9 }, 400],
      ['half a body', 'test-chat', '{"message":', 400],
      ['a list', 'test-chat', '[]', 400],
    ])('is refused with %s, in words', async (_what, route, body, status) => {
      const answer = await api.call('POST', `${AI}/ollama/${route}`, { body })
      expect(answer.status).toBe(status)
      expect(answer.body.error.message).not.toBe('')
    })
  })
})
