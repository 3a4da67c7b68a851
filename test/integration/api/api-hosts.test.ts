import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { TestApi } from '../../support/api/api.ts'
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
