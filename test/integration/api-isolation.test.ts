import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LANES } from '../../checks/api/limits.ts'
import { vectorFor } from '../../checks/probe/vectors.ts'
import { creatorPath, documentPath, TestApi } from '../support/api.ts'
import { type RunningChroma, startChroma } from '../support/chroma.ts'
import { outputsOf } from '../support/deployment.ts'
import { HOSTILE_CREATORS, hostileFilter } from '../support/hostile.ts'

/** Hostile requests in all; more with KNOWLEDGE_STACK_ISOLATION_CASES. */
const CASES = Number(process.env.KNOWLEDGE_STACK_ISOLATION_CASES ?? 10_000)
/** Requests that are under way together. */
const TOGETHER = 50
const MINUTES = 60_000
const SHARDS = 5
const DIMENSION = 8
/** Nobody's. */
const STRANGER = 'stranger'
const EVERYBODY = [...HOSTILE_CREATORS, STRANGER]

describe('over raw HTTP, no creator ever meets what is another creator’s', () => {
  let chroma: RunningChroma
  let api: TestApi
  let service: string
  const tokens = new Map<string, string>()

  beforeAll(async () => {
    chroma = await startChroma()
    api = await TestApi.start(
      outputsOf({ chroma: [chroma.url], shards: SHARDS, dimensions: DIMENSION }),
      { limits: { lanes: LANES, requestsPerMinute: 1e9 } },
    )
    service = await api.serviceToken()
    for (const creator of EVERYBODY) tokens.set(creator, await api.tokenFor(creator))
    for (const creator of HOSTILE_CREATORS) {
      for (const name of HOSTILE_CREATORS) {
        const put = send('PUT', documentPath(creator, name), service, documentOf(creator, name))
        expect((await put).status).toBe(200)
      }
    }
  }, 10 * MINUTES)
  afterAll(async () => {
    await api?.stop()
    await chroma?.stop()
  })

  /** Its text names the creator that it belongs to. */
  const documentOf = (creator: string, name: string) => ({
    chunks: [{ text: `of ${JSON.stringify(creator)}`, vector: vectorFor(name, DIMENSION) }],
    metadata: { topic: name.length % 2 === 0 ? 'tea' : 'coffee' },
  })

  /** As it is: fetch would tidy the path up. */
  async function send(method: string, path: string, token?: string, body?: unknown) {
    const sent = request(api.url, {
      method,
      path,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
    })
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = await once(sent, 'response')
    return { status: response.statusCode as number, content: await text(response) }
  }

  const act = fc.oneof(
    fc.record({ way: fc.constant('list' as const) }),
    fc.record({ way: fc.constant('read' as const), name: fc.constantFrom(...EVERYBODY) }),
    fc.record({
      way: fc.constant('query' as const),
      name: fc.constantFrom(...EVERYBODY),
      filter: fc.option(hostileFilter, { nil: undefined }),
    }),
    fc.record({ way: fc.constant('put' as const), name: fc.constantFrom(...EVERYBODY) }),
    fc.record({ way: fc.constant('delete' as const), name: fc.constantFrom(...EVERYBODY) }),
  )
  type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

  /** @param path the creator's part of the path, percent-encoded or made to look like it */
  function perform(act: Act, path: string, token: string | undefined) {
    const at = `/api/v1/creators/${path}`
    const document = 'name' in act ? encodeURIComponent(act.name) : ''
    const limit = 'limit=500'
    switch (act.way) {
      case 'list':
        return send('GET', `${at}/documents?${limit}`, token)
      case 'read':
        return send('GET', `${at}/documents/${document}`, token)
      case 'put':
        return send('PUT', `${at}/documents/${document}`, token, documentOf(STRANGER, act.name))
      case 'delete':
        return send('DELETE', `${at}/documents/${document}`, token)
      case 'query': {
        const { name, filter } = act
        const question = { vector: vectorFor(name, DIMENSION), filter, count: 100 }
        return send('POST', `${at}/query`, token, question)
      }
    }
  }

  async function everything(): Promise<string[]> {
    const lists = HOSTILE_CREATORS.map(async creator => {
      const all = { vector: vectorFor('all', DIMENSION), count: 100 }
      return (await send('POST', creatorPath(creator, 'query'), service, all)).content
    })
    return Promise.all(lists)
  }

  async function each<T>(cases: fc.Arbitrary<T>, count: number, one: (value: T) => Promise<void>) {
    await fc.assert(
      fc.asyncProperty(
        fc.array(cases, { minLength: TOGETHER, maxLength: TOGETHER }),
        async together => {
          await Promise.all(together.map(one))
        },
      ),
      { numRuns: Math.ceil(count / TOGETHER) },
    )
  }

  const anybody = fc.constantFrom(...EVERYBODY)

  it('with another creator’s token: 403, and the same words whether there is something or not', {
    timeout: 10 * MINUTES,
  }, async () => {
    const before = await everything()
    const answers = new Set<string>()
    const others = fc.tuple(anybody, anybody, act).filter(([one, other]) => one !== other)
    await each(others, CASES / 2, async ([owner, other, act]) => {
      const { status, content } = await perform(act, encodeURIComponent(owner), tokens.get(other))
      expect(status).toBe(403)
      answers.add(content)
    })
    expect(answers.size).toBe(1)
    expect(await everything()).toEqual(before)
  })

  it('with its own token: what is its own, whatever the filter', {
    timeout: 10 * MINUTES,
  }, async () => {
    const looks = act.filter(({ way }) => way !== 'put' && way !== 'delete')
    const found = { some: 0 }
    await each(fc.tuple(anybody, looks), CASES / 2, async ([creator, act]) => {
      const { status, content } = await perform(
        act,
        encodeURIComponent(creator),
        tokens.get(creator),
      )
      expect([200, 400, 404]).toContain(status)
      if (status !== 200 || act.way === 'list') return
      const body = JSON.parse(content)
      for (const { text } of body.hits ?? body.chunks) {
        expect(text).toBe(`of ${JSON.stringify(creator)}`)
        found.some += 1
      }
    })
    expect(found.some).toBeGreaterThan(CASES)
  })

  it('with a path that only looks like its own', { timeout: 10 * MINUTES }, async () => {
    const before = await everything()
    const forms = fc.constantFrom<(id: string) => string>(
      id => id.toUpperCase(),
      id => id.toLowerCase(),
      id => id.normalize('NFD'),
      id => id.normalize('NFKC'),
      id => `${id}\u200b`,
      id => `${id} `,
      id => `${id}\u0000`,
      id => ` ${id}`,
      id => encodeURIComponent(id),
      id => encodeURIComponent(encodeURIComponent(id)),
      id => `./${id}`,
      id => `${id}/../${STRANGER}`,
      id => `${STRANGER}/../${id}`,
      id => `${id};x=1`,
      id => `${id}?x`,
      id => `${id}#x`,
      id => `${id},${STRANGER}`,
      id => JSON.stringify({ $eq: id }),
    )
    const cases = fc.tuple(anybody, forms, act).filter(([creator, form]) => {
      const path = encodeURIComponent(form(creator).toWellFormed())
      return decodeURIComponent(path) !== creator
    })
    await each(cases, CASES / 10, async ([creator, form, act]) => {
      const path = encodeURIComponent(form(creator).toWellFormed())
      const { status } = await perform(act, path, tokens.get(creator))
      expect(status).toBe(403)
    })
    expect(await everything()).toEqual(before)
  })

  it('with a path that is put together by hand', async () => {
    const before = await everything()
    const paths = [
      '',
      '.',
      '..',
      '%2e%2e',
      'a/../stranger',
      'stranger/../a',
      'stranger%2f..%2fa',
      '%61%00',
      '%c1%a1',
      '%u0061',
      'a%',
      '%ff%fe',
      '*',
      'a;b',
      'a?creator=a',
      'stranger//documents/a/..',
      '\u0061\u0301'.normalize('NFD').replace(/[^\x20-\x7e]/g, encodeURIComponent),
    ]
    for (const path of paths) {
      for (const way of ['list', 'query'] as const) {
        const act = { way, name: 'a', filter: undefined }
        const { status, content } = await perform(act, path, tokens.get(STRANGER))
        expect([400, 403, 404], path).toContain(status)
        expect(content).not.toContain('of \\"')
      }
    }
    expect(await everything()).toEqual(before)
  })

  it('without a token, or with none that counts: 401', { timeout: 10 * MINUTES }, async () => {
    const before = await everything()
    const expired = await api.tokenFor('a')
    const broken = fc.constantFrom(
      undefined,
      '',
      'x',
      expired.slice(0, -1),
      `${expired}x`,
      expired.split('.').slice(0, 2).join('.'),
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${expired.split('.')[1]}.`,
    )
    await each(fc.tuple(anybody, act, broken), CASES / 10, async ([creator, act, token]) => {
      expect((await perform(act, encodeURIComponent(creator), token)).status).toBe(401)
    })
    expect(await everything()).toEqual(before)
  })
})
