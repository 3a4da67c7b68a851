import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LANES } from '../../../checks/api/traffic/limits.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { creatorPath, TestApi } from '../../support/api/api.ts'
import { HOSTILE_CREATORS } from '../../support/api/hostile.ts'
import {
  type Act,
  act,
  DIMENSION,
  documentOf,
  EVERYBODY,
  performRaw,
  STRANGER,
  sendRaw,
} from '../../support/api/hostile-calls.ts'
import { casesOf, SEED } from '../../support/searches.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { openStore, outputsOf } from '../../support/store/deployment.ts'

/** Hostile requests in all. */
const CASES = casesOf('hostile requests to the API')
/** Requests that are under way together. */
const TOGETHER = 50
const SHARDS = 5

describe('over raw HTTP, no creator ever meets what is another creator’s', () => {
  let chroma: RunningChroma
  let api: TestApi
  let service: string
  const tokens = new Map<string, string>()

  beforeAll(async () => {
    chroma = await startChroma()
    const outputs = outputsOf({ chroma: [chroma.url], shards: SHARDS, dimensions: DIMENSION })
    api = await TestApi.start(outputs, { limits: { lanes: LANES, requestsPerMinute: 1e9 } })
    service = await api.serviceToken()
    for (const creator of EVERYBODY) tokens.set(creator, await api.tokenFor(creator))
    const { knowledge, close } = await openStore(outputs)
    const own = (creator: string) =>
      HOSTILE_CREATORS.map(name => ({ id: name, ...documentOf(creator, name) }))
    await knowledge.upsert(new Map(HOSTILE_CREATORS.map(creator => [creator, own(creator)])))
    await close()
  })
  afterAll(async () => {
    await api?.stop()
    await chroma?.stop()
  })

  const send = (method: string, path: string, token?: string, body?: unknown) =>
    sendRaw(api.url, method, path, token, body)
  const perform = (act: Act, path: string, token: string | undefined) =>
    performRaw(api.url, act, path, token)

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
      { seed: SEED, numRuns: Math.ceil(count / TOGETHER) },
    )
  }

  const anybody = fc.constantFrom(...EVERYBODY)

  it('with another creator’s token: 403, and the same words whether there is something or not', async () => {
    const before = await everything()
    const answers = new Set<string>()
    const others = fc.tuple(anybody, anybody, act).filter(([one, other]) => one !== other)
    await each(others, CASES / 2, async ([owner, other, act]) => {
      const { status, content } = await perform(act, encodeURIComponent(owner), tokens.get(other))
      expect(status).toBe(403)
      const { instance, ...same } = JSON.parse(content)
      expect(instance).toMatch(/^urn:uuid:/)
      answers.add(JSON.stringify(same))
    })
    expect(answers.size).toBe(1)
    expect(await everything()).toEqual(before)
  })

  it('with its own token: what is its own, whatever the filter', async () => {
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
    expect(found.some).toBeGreaterThan(CASES / 2)
  })

  it('with a path that only looks like its own', async () => {
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
        expect([400, 403, 404, 405], path).toContain(status)
        expect(content).not.toContain('of \\"')
      }
    }
    expect(await everything()).toEqual(before)
  })

  it('without a token, or with none that counts: 401', async () => {
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
