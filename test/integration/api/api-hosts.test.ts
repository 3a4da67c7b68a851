import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { TestApi } from '../../support/api/api.ts'
import { startChroma } from '../../support/servers/chroma.ts'
import { startOllama } from '../../support/servers/ollama.ts'
import { outputsOf } from '../../support/store/deployment.ts'

describe('the API on loopback, called by a name', () => {
  let api: TestApi
  afterEach(() => api.stop())

  async function statusFor(host: string): Promise<number | undefined> {
    const sent = request(`${api.url}/openapi.json`, { headers: { host } }).end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    answer.resume()
    return answer.statusCode
  }

  it('answers to the names of loopback, with any port', async () => {
    api = await TestApi.start(outputsOf())
    for (const host of ['localhost', 'LOCALHOST:8003', '127.0.0.1:1', '127.1.2.3', '[::1]:8003']) {
      expect([host, await statusFor(host)]).toEqual([host, 200])
    }
  })

  it('refuses a name that somebody else may have led here, before anything else', async () => {
    api = await TestApi.start(outputsOf())
    const others = ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1']
    for (const host of others) expect([host, await statusFor(host)]).toEqual([host, 403])
  })

  it('answers to the names that it was told', async () => {
    api = await TestApi.start(outputsOf(), { hosts: ['Knowledge.example'] })
    expect(await statusFor('knowledge.example:443')).toBe(200)
    expect(await statusFor('evil.example')).toBe(403)
  })
})

describe('a page whose name somebody has led to this machine (DNS rebinding)', () => {
  /** As a browser sends it for such a page: its own name as Host and Origin. Not a browser, but its request. */
  async function statusFor(url: string): Promise<number | undefined> {
    const host = `evil.example:${new URL(url).port}`
    const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
    const sent = request(url, { headers }).end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    answer.resume()
    return answer.statusCode
  }

  it('is answered by Chroma, which is a risk of the target local (SECURITY.md), and by no other server', async () => {
    const chroma = await startChroma()
    const ollama = await startOllama()
    const api = await TestApi.start(outputsOf({ chroma: [chroma.url], ollama: ollama.url }))
    try {
      expect(await statusFor(`${chroma.url}/api/v2/tenants/default_tenant/databases`)).toBe(200)
      expect(await statusFor(`${ollama.url}/api/tags`)).toBe(403)
      expect(await statusFor(`${api.url}/api/v1/ai/chromadb/stats`)).toBe(403)
    } finally {
      await Promise.all([api.stop(), ollama.stop(), chroma.stop()])
    }
  })
})
