import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RESERVED_PREFIX } from '../../checks/knowledge/creator-id.ts'
import { creatorPath, documentPath, TestApi } from '../support/api.ts'
import { type RunningChroma, startChroma } from '../support/chroma.ts'
import { outputsOf } from '../support/deployment.ts'
import { startOllamaWithModels } from '../support/models.ts'
import type { RunningOllama } from '../support/ollama.ts'

const AI = '/api/v1/ai'

describe('the HTTP API of a deployment that is well', () => {
  let chroma: RunningChroma
  let ollama: RunningOllama
  let api: TestApi
  let service: string

  beforeAll(async () => {
    chroma = await startChroma()
    ollama = await startOllamaWithModels()
    api = await TestApi.start(outputsOf({ chroma: [chroma.url], ollama: ollama.url }))
    service = await api.serviceToken()
  })
  afterAll(async () => {
    await api?.stop()
    await ollama?.stop()
    await chroma?.stop()
  })

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

    it('are not reloaded for nobody, nor for a creator', async () => {
      const nobody = await api.call('POST', `${AI}/models/reload`)
      expect(nobody).toMatchObject({ status: 401, body: { error: { code: 'unauthorised' } } })
      expect(nobody.headers.get('www-authenticate')).toBe('Bearer')
      const creator = { token: await api.tokenFor('a') }
      expect((await api.call('POST', `${AI}/models/reload`, creator)).status).toBe(403)
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

  describe('a creator’s documents', () => {
    const alice = 'alice'
    const cats = 'Cats purr when they are content. Volcanoes erupt without a warning.'

    it('are put, listed, read, found and deleted with the creator’s token', async () => {
      const token = await api.tokenFor(alice)
      const metadata = { topic: 'mixed', rank: 2, draft: false }
      const put = await api.call('PUT', documentPath(alice, 'cats/1?#'), {
        token,
        body: { text: cats, metadata },
      })
      expect(put).toMatchObject({ status: 200, body: { document: 'cats/1?#' } })

      const list = await api.call('GET', creatorPath(alice, 'documents'), { token })
      const entry = { document: 'cats/1?#', metadata, createdAt: expect.stringMatching(/Z$/) }
      expect(list.body).toEqual({ documents: [entry], next: null })

      const read = await api.call('GET', documentPath(alice, 'cats/1?#'), { token })
      expect(read.body).toEqual({ ...entry, chunks: [{ index: 0, text: cats }], next: null })

      const question = { text: 'purring animals', filter: { topic: 'mixed' }, count: 3 }
      const found = await api.call('POST', creatorPath(alice, 'query'), { token, body: question })
      expect(found.body.hits).toMatchObject([{ ...entry, index: 0, text: cats }])
      const elsewhere = { ...question, filter: { topic: 'none' } }
      const missed = await api.call('POST', creatorPath(alice, 'query'), { token, body: elsewhere })
      expect(missed.body).toEqual({ hits: [] })

      const gone = await api.call('DELETE', documentPath(alice, 'cats/1?#'), { token })
      expect(gone.body).toEqual({ deletedChunks: 1 })
      const after = await api.call('GET', documentPath(alice, 'cats/1?#'), { token })
      expect(after).toMatchObject({ status: 404, body: { error: { code: 'not-found' } } })
    })

    it('come with vectors of the caller’s too, and are found by one', async () => {
      const axis = (at: number) => Array.from({ length: 384 }, (_, index) => (index === at ? 1 : 0))
      const chunks = [0, 1, 2].map(at => ({ text: `axis ${at}`, vector: axis(at) }))
      const token = service
      await api.call('PUT', documentPath('carol', 'axes'), { token, body: { chunks } })
      const body = { vector: axis(1), count: 1 }
      const { body: found } = await api.call('POST', creatorPath('carol', 'query'), { token, body })
      expect(found.hits).toMatchObject([{ document: 'axes', index: 1, text: 'axis 1' }])
    })

    it('are paged', async () => {
      for (const name of ['one', 'two', 'three']) {
        const body = { text: name }
        await api.call('PUT', documentPath('dora', name), { token: service, body })
      }
      const page = async (query: string) => {
        const path = creatorPath('dora', `documents?${query}`)
        const { body } = await api.call('GET', path, { token: service })
        const names = body.documents.map(({ document }: { document: string }) => document)
        return [...names, body.next]
      }
      expect(await page('limit=2')).toEqual(['one', 'two', 2])
      expect(await page('limit=2&offset=2')).toEqual(['three', null])
      expect(await page('limit=3')).toEqual(['one', 'two', 'three', null])
    })

    it('are paged by chunk when one is read', async () => {
      const vector = Array.from({ length: 384 }, () => 1)
      const chunks = Array.from({ length: 7 }, (_, index) => ({ text: `${index}`, vector }))
      await api.call('PUT', documentPath('fay', 'long'), { token: service, body: { chunks } })
      const read: number[] = []
      let next: number | null = 0
      while (next !== null) {
        const path = `${documentPath('fay', 'long')}?limit=3&offset=${next}`
        const { body } = await api.call('GET', path, { token: service })
        read.push(...body.chunks.map(({ index }: { index: number }) => index))
        next = body.next
      }
      expect(read).toEqual([0, 1, 2, 3, 4, 5, 6])
    })

    it('are asked in no more words than the model takes, and the creator learns no more', async () => {
      const options = { token: await api.tokenFor('alice'), body: { text: 'a '.repeat(600) } }
      const { status, body } = await api.call('POST', creatorPath('alice', 'query'), options)
      expect(status).toBe(400)
      expect(body.error.message).toContain('longer than the model takes')
      expect(body.error.message).not.toContain('127.0.0.1')
    })

    it('are counted, by shard and in all', async () => {
      const before = (await api.call('GET', `${AI}/chromadb/stats`)).body
      await api.call('PUT', documentPath('erin', 'd'), { token: service, body: { text: 'one' } })
      const { status, body } = await api.call('GET', `${AI}/chromadb/stats`)
      expect(status).toBe(200)
      expect(body).toMatchObject({
        records: before.records + 1,
        creators: { count: before.creators.count + 1, exact: true },
      })
      expect(body.shards).toHaveLength(10)
    })

    const deep = `{"text":"x","filter":${'{"$and":['.repeat(5000)}{}${']}'.repeat(5000)}}`
    const wide = Object.fromEntries(['a', 'b', 'c'].map(key => [key, 'x'.repeat(3000)]))
    it.each([
      ['nothing in it', 'PUT', 'documents/d', {}],
      ['blanks for a text', 'PUT', 'documents/d', { text: '   ' }],
      ['text and chunks at once', 'PUT', 'documents/d', { text: 'x', chunks: [] }],
      ['half a surrogate pair', 'PUT', 'documents/d', { text: 'half \ud800 a pair' }],
      ['reserved metadata', 'PUT', 'documents/d', { text: 'x', metadata: { creator_id: 'bob' } }],
      ['nested metadata', 'PUT', 'documents/d', { text: 'x', metadata: { nested: {} } }],
      ['much metadata', 'PUT', 'documents/d', { text: 'x', metadata: wide }],
      ['a prototype', 'PUT', 'documents/d', '{"text":"x","metadata":{"__proto__":1}}'],
      ['a short vector', 'PUT', 'documents/d', { chunks: [{ text: 'x', vector: [1, 2] }] }],
      ['an id that is not NFC', 'PUT', `documents/${encodeURIComponent('e\u0301')}`, { text: 'x' }],
      ['a long id', 'PUT', `documents/${'d'.repeat(513)}`, { text: 'x' }],
      ['two questions in one', 'POST', 'query', { text: 'x', vector: [1] }],
      ['a filter for another', 'POST', 'query', { text: 'x', filter: { creator_id: 'bob' } }],
      ['an empty filter', 'POST', 'query', { text: 'x', filter: { $and: [] } }],
      ['an object to compare', 'POST', 'query', { text: 'x', filter: { a: { $ne: {} } } }],
      ['a filter without a bottom', 'POST', 'query', deep],
      ['too many hits', 'POST', 'query', { text: 'x', count: 101 }],
      ['a page of nothing', 'GET', 'documents?limit=0', undefined],
      ['a page in words', 'GET', 'documents?limit=ten', undefined],
      ['a page before the first', 'GET', 'documents?offset=-1', undefined],
      ['a question in the query', 'GET', 'documents?where=all', undefined],
    ])('are refused with %s, in words', async (_what, method, rest, body) => {
      const answer = await api.call(method, creatorPath('alice', rest), { token: service, body })
      expect(answer).toMatchObject({ status: 400, body: { error: { code: 'invalid' } } })
    })

    it('are nobody’s whose id is none, and not the verification’s either', async () => {
      const at = (creator: string) =>
        api.call('GET', creatorPath(creator, 'documents'), { token: service })
      expect(await at('e\u0301')).toMatchObject({ status: 400 })
      expect(await at('x'.repeat(257))).toMatchObject({ status: 400 })
      expect(await at(`${RESERVED_PREFIX}x`)).toMatchObject({ status: 403 })
    })
  })

  describe('whatever is asked', () => {
    it('nothing is found where there is nothing, and the way is shown', async () => {
      expect(await api.call('GET', '/api/v2')).toMatchObject({
        status: 404,
        body: { error: { code: 'not-found', message: expect.stringContaining('/openapi.json') } },
      })
    })

    it('a path that is none is refused without being repeated', async () => {
      for (const path of ['/api/v1/creators/%ff/documents', documentPath('a', 'x'.repeat(5000))]) {
        const { status, body } = await api.call('GET', path, { token: service })
        expect(status).toBe(400)
        expect(body.error.message).not.toContain(path.slice(-10))
      }
    })

    it('what is no HTTP is told so in the same words', async () => {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
      socket.write('this is no HTTP\r\n\r\n')
      const answer = await text(socket)
      expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
      expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toMatchObject({ error: { code: 'invalid' } })
    })

    it('another body than JSON is refused', async () => {
      const options = { body: 'a=1', headers: { 'content-type': 'text/plain' } }
      expect(await api.call('POST', `${AI}/ollama/test-chat`, options)).toMatchObject({
        status: 415,
        body: { error: { code: 'unsupported-media-type' } },
      })
    })

    it('HEAD asks for the same token as GET', async () => {
      const path = creatorPath('alice', 'documents')
      expect((await api.call('HEAD', path)).status).toBe(401)
      expect((await api.call('HEAD', path, { token: service })).status).toBe(200)
    })

    it('pages of other sites are refused what writes, and answers are no page of theirs', async () => {
      const headers = { 'sec-fetch-site': 'cross-site' }
      const answer = await api.call('POST', `${AI}/ollama/test-chat`, { headers })
      expect(answer.status).toBe(403)
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    })

    it('the counts of it all are there for Prometheus, without the ids of creators', async () => {
      const { status, body } = await api.call('GET', '/metrics')
      expect(status).toBe(200)
      expect(body).toContain('route="/api/v1/creators/:creator/query"')
      expect(body).toContain('knowledge_api_requests_under_way{lane="read"} 0')
      expect(body).not.toContain('alice')
    })
  })
})

describe('the HTTP API of a store that was made for another deployment', () => {
  it('says that it is its own fault, and not the caller’s', async () => {
    const chroma = await startChroma()
    const servers = { chroma: [chroma.url], dimensions: 4 }
    const put = async (shards: number) => {
      const api = await TestApi.start(outputsOf({ ...servers, shards }))
      const body = { chunks: [{ text: 'one', vector: [1, 0, 0, 0] }] }
      const options = { token: await api.serviceToken(), body }
      const answer = await api.call('PUT', documentPath('a', 'd'), options)
      await api.stop()
      return answer
    }
    expect((await put(5)).status).toBe(200)
    expect(await put(6)).toMatchObject({
      status: 503,
      body: {
        error: { code: 'unavailable', message: expect.stringContaining('shard_count is 5') },
      },
    })
    await chroma.stop()
  })
})

describe('the log of the API', () => {
  it('has a line for each request, and neither tokens nor the ids of creators and documents', async () => {
    const api = await TestApi.start(outputsOf())
    const token = await api.tokenFor('secret-creator')
    await api.call('GET', documentPath('secret-creator', 'secret-document'), { token })
    await api.call('GET', documentPath('secret-creator', 'secret-document'), { token: `${token}x` })
    await api.call('GET', '/secret-creator')
    const log = await api.stop()
    const lines = log
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    const answered = lines.filter(({ msg }) => msg === 'answered')
    const route = '/api/v1/creators/:creator/documents/:document'
    expect(answered).toMatchObject([
      // Nobody listens where its Chroma should be.
      { method: 'GET', route, status: 503, caller: 'creator' },
      { method: 'GET', route, status: 401, caller: 'refused' },
      { method: 'GET', status: 404, caller: 'nobody' },
    ])
    expect(log).not.toContain(token.slice(0, 20))
    expect(log).not.toContain('secret-')
  })
})
