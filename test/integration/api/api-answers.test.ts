import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { creatorPath, documentPath, TestApi } from '../../support/api/api.ts'
import { STORED } from '../../support/api/stored.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const AI = '/api/v1/ai'

describe('the answers of the API, whatever is asked', () => {
  let chroma: RunningChroma
  let api: TestApi
  let service: string

  beforeAll(async () => {
    chroma = await startChroma()
    api = await TestApi.start(outputsOf({ chroma: [chroma.url], dimensions: 4 }))
    service = await api.serviceToken()
  })
  afterAll(async () => {
    await api?.stop()
    await chroma?.stop()
  })

  it('nothing is found where there is nothing, and the way is shown', async () => {
    expect(await api.call('GET', '/api/v2')).toMatchObject({
      status: 404,
      body: { error: { code: 'not-found', message: expect.stringContaining('/openapi.json') } },
    })
  })

  it('a path that no route has is refused without being repeated', async () => {
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

  it.each([
    ['POST', documentPath('alice', 'd'), 'DELETE, GET, HEAD, PUT'],
    ['GET', creatorPath('alice', 'query'), 'POST'],
    ['DELETE', '/healthz', 'GET, HEAD'],
  ])('a %s of %s is told what is allowed there', async (method, path, allow) => {
    const { status, headers, body } = await api.call(method, path, { token: service })
    expect({ status, allow: headers.get('allow'), code: body.error.code }).toEqual({
      status: 405,
      allow,
      code: 'method-not-allowed',
    })
  })

  it('an error is a problem as RFC 9457 has it, which names the request as the answer does', async () => {
    const { status, headers, body } = await api.call('GET', '/nowhere')
    expect(status).toBe(404)
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(body).toEqual({
      type: 'urn:knowledge-stack:problem:not-found',
      title: 'There is no such thing',
      status: 404,
      detail: expect.stringContaining('/openapi.json'),
      instance: `urn:uuid:${headers.get('x-request-id')}`,
      error: { code: 'not-found', message: body.detail },
    })
    expect((await api.call('GET', '/healthz')).headers.get('x-request-id')).toMatch(
      /^[\da-f-]{36}$/,
    )
  })

  it('pages of other sites are refused what writes, and answers are no page of theirs', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' }
    const answer = await api.call('POST', `${AI}/ollama/test-chat`, { headers })
    expect(answer.status).toBe(403)
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it.each(['http://elsewhere.example', 'null'])(
    'nor are pages of %s that a browser tells by their origin alone',
    async origin => {
      const answer = await api.call('POST', `${AI}/ollama/test-chat`, { headers: { origin } })
      expect(answer.status).toBe(403)
      const own = { headers: { origin: api.url }, body: { maxTokens: 0 } }
      expect((await api.call('POST', `${AI}/ollama/test-chat`, own)).status).toBe(400)
    },
  )

  it('the counts of it all are there for Prometheus, without the ids of creators', async () => {
    const options = { token: service, body: { vector: [1, 0, 0, 0] } }
    expect((await api.call('POST', creatorPath('alice', 'query'), options)).status).toBe(200)
    const { status, body } = await api.call('GET', '/metrics')
    expect(status).toBe(200)
    expect(body).toContain('route="/api/v1/creators/:creator/query"')
    expect(body).toContain('knowledge_api_requests_under_way{lane="read"} 0')
    expect(body).not.toContain('alice')
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
    expect(STORED).toContain((await put(5)).status)
    expect(await put(6)).toMatchObject({
      status: 503,
      body: {
        error: { code: 'unavailable', message: expect.stringContaining('shard_count is 5') },
      },
    })
    await chroma.stop()
  })
})

describe('the HTTP API whose token its Chroma does not take', () => {
  it.each([401, 403])('says that it is its own fault when Chroma answers %i', async status => {
    const server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"no"}')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const api = await TestApi.start(outputsOf({ chroma: [url], dimensions: 4 }))
    const token = await api.tokenFor('a')
    const list = await api.call('GET', creatorPath('a', 'documents'), { token })
    expect(list).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    await api.stop()
    server.close()
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
