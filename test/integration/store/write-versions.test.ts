import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import { cosineDistance } from '../../../checks/store/query/rank.ts'
import type { Fetch } from '../../../checks/transport/connection.ts'
import { casesOf, SEED } from '../../support/searches.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { FaultyServer } from '../../support/servers/faulty-server.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 8
const COUNT = 3
const CREATORS = ['ada', 'bob', 'eve']
const DOCUMENTS = ['one', 'two', 'three', 'four', 'five']

const documentOf = (id: string, version: number) => {
  const text = `${id} ${version}`
  return { id, chunks: [{ text, vector: vectorFor(text, DIMENSION) }] }
}

describe('what two processes keep of what they have read', () => {
  let chroma: RunningChroma
  /** As two processes: neither knows of the other. */
  let stores: ConnectedDeployment[]
  const sent: { url: string; body: string }[] = []
  /** What happens before the first process's next request by ids goes out. */
  let meanwhile = async () => {}

  beforeAll(async () => {
    chroma = await startChroma()
    const outputs = outputsOf({ chroma: [chroma.url], dimensions: DIMENSION })
    const watched: Fetch = async (url, init) => {
      const body = String(init?.body)
      sent.push({ url: String(url), body })
      if (/"ids":\["[^"]*document/.test(body)) {
        await meanwhile()
        meanwhile = async () => {}
      }
      return fetch(url, init)
    }
    stores = [await openDeployment(outputs, { fetch: watched }), await openDeployment(outputs)]
  })
  afterAll(async () => {
    await Promise.all(stores.map(store => store.close()))
    await chroma.stop()
  })
  beforeEach(() => {
    sent.length = 0
  })

  it('is asked for again by one small request as long as nobody writes', async () => {
    const [own, other] = stores.map(store => store.knowledge().creator('somebody'))
    await other!.upsert([documentOf('one', 1)])
    const knowledge = stores[0]!.knowledge().creator('somebody')
    const ask = () => knowledge.query({ vector: vectorFor('one', DIMENSION) })
    const first = await ask()
    sent.length = 0
    expect(await ask()).toEqual(first)
    expect(sent.length).toBe(1)
    await other!.upsert([documentOf('one', 2)])
    expect((await ask()).map(({ text }) => text)).toEqual(['one 2'])
    expect(await own!.count()).toBe(1)
  })

  it('takes no page for the last one because another process deletes from it meanwhile', async () => {
    const [own, other] = stores.map(store => store.knowledge().creator('lister'))
    const ids = Array.from({ length: 8 }, (_, index) => `document ${index}`)
    await other!.upsert(ids.map(id => documentOf(id, 1)))
    meanwhile = async () => {
      await other!.delete({ documents: ids.slice(1, 2) })
    }
    const page = await own!.documents({ limit: 5 })
    expect(page.map(({ document }) => document)).toEqual([ids[0], ...ids.slice(2, 6)])
    meanwhile = async () => {
      await other!.delete({ documents: ids.slice(2, 3) })
    }
    const chunks = await own!.get({ documents: ids.slice(0, 6) }, { limit: 3 })
    expect(chunks.map(({ document }) => document)).toEqual([ids[0], ids[3], ids[4]])
  })

  it('leaves out what was written to the creator of another write version, and to one of the verification', async () => {
    const knowledge = stores[0]!.knowledge()
    await knowledge.creator('quiet').upsert([documentOf('one', 1)])
    const ask = () => knowledge.creator('quiet').query({ vector: vectorFor('one', DIMENSION) })
    await ask()
    const probe = knowledge.probe('a run')
    await probe.upsert([documentOf('one', 1)])
    await probe.clear()
    sent.length = 0
    await ask()
    expect(sent.length).toBe(1)
  })

  it('stays known of a creator who is not among the hundreds that another process loads', async () => {
    const [reader, writer] = stores.map(store => store.knowledge())
    await writer!.creator('bystander').upsert([documentOf('one', 1)])
    const ask = () => reader!.creator('bystander').query({ vector: vectorFor('one', DIMENSION) })
    await ask()
    const others = Array.from({ length: 300 }, (_, index) => `one of hundreds ${index}`)
    await writer!.upsert(new Map(others.map(id => [id, [documentOf('one', 1)]])))
    sent.length = 0
    expect((await ask()).map(({ text }) => text)).toEqual(['one 1'])
    expect(sent.length).toBe(1)
  })

  it('is had by others of the same process while the server leaves one who asks for it without an answer', async () => {
    const server = await FaultyServer.before(chroma.url)
    const store = await openDeployment(outputsOf({ chroma: [server.url], dimensions: DIMENSION }))
    try {
      const [stalled, neighbour] = ['stalled', 'neighbour'].map(id => store.knowledge().creator(id))
      const ask = (creator: Creator) => creator.query({ vector: vectorFor('one', DIMENSION) })
      for (const creator of [stalled!, neighbour!]) {
        await creator.upsert([documentOf('one', 1)])
        await ask(creator)
      }
      const held = Promise.withResolvers<void>()
      const goOn = Promise.withResolvers<void>()
      server.fault = ({ forward }) => {
        server.fault = undefined
        held.resolve()
        return goOn.promise.then(() => forward())
      }
      let isAnswered = false
      const slow = ask(stalled!).finally(() => {
        isAnswered = true
      })
      await held.promise
      for (let times = 0; times < 3; times++) expect(await ask(neighbour!)).toHaveLength(1)
      expect(isAnswered).toBe(false)
      goOn.resolve()
      expect(await slow).toHaveLength(1)
    } finally {
      await store.close()
      await server.stop()
    }
  })

  it('never differs from what is stored, whoever writes, replaces and deletes', async () => {
    const where = fc.record({ store: fc.nat(1), creator: fc.constantFrom(...CREATORS) })
    const write = fc.record({
      at: where,
      document: fc.constantFrom(...DOCUMENTS),
      version: fc.nat(99),
    })
    const step = fc.oneof(
      fc.record({ put: write }),
      fc.record({ drop: write }),
      fc.record({ load: fc.array(write, { minLength: 1, maxLength: 4 }) }),
      fc.record({ clear: where }),
      { weight: 4, arbitrary: fc.record({ ask: where }) },
    )
    const knowledge = stores.map(store => store.knowledge())
    const at = ({ store, creator }: { store: number; creator: string }) =>
      knowledge[store]!.creator(creator)
    const model = new Map(CREATORS.map(creator => [creator, new Map<string, string>()]))
    const put = (creator: string, { id, chunks }: ReturnType<typeof documentOf>) =>
      model.get(creator)!.set(id, chunks[0]!.text)

    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async steps => {
        for (const step of steps) {
          if ('put' in step) {
            const document = documentOf(step.put.document, step.put.version)
            await at(step.put.at).upsert([document])
            put(step.put.at.creator, document)
          } else if ('drop' in step) {
            await at(step.drop.at).delete({ documents: [step.drop.document] })
            model.get(step.drop.at.creator)!.delete(step.drop.document)
          } else if ('load' in step) {
            const own = new Map(
              step.load.map(({ at, document, version }) => [
                at.creator,
                documentOf(document, version),
              ]),
            )
            await knowledge[step.load[0]!.at.store]!.upsert(
              new Map([...own].map(([creator, document]) => [creator, [document]])),
            )
            for (const [creator, document] of own) put(creator, document)
          } else if ('clear' in step) {
            await at(step.clear).clear()
            model.get(step.clear.creator)!.clear()
          } else {
            const vector = vectorFor('what', DIMENSION)
            const found = await at(step.ask).query({ vector }, { count: COUNT })
            const truth = [...model.get(step.ask.creator)!.values()]
              .map(text => ({ text, distance: cosineDistance(vectorFor(text, DIMENSION), vector) }))
              .sort((a, b) => a.distance - b.distance)
              .slice(0, COUNT)
            expect(found.map(({ text }) => text)).toEqual(truth.map(({ text }) => text))
          }
        }
      }),
      { seed: SEED, numRuns: casesOf('histories of two stores that write and ask') },
    )
  })

  it('is exact about creators it meets for the first time, of whom it has only listed the records', async () => {
    const [reader, writer] = stores.map(store => store.knowledge())
    const ids = Array.from({ length: 1000 }, (_, index) => `listed ${index}`)
      .filter(id => reader!.creator(id).shard === 0)
      .slice(0, 80)
    const both = ['one', 'two']
    const all = both.map(name => documentOf(name, 1))
    await writer!.upsert(new Map(ids.map(id => [id, all])))
    const ask = async (id: string) => {
      const hits = await reader!.creator(id).query({ vector: vectorFor('what', DIMENSION) })
      return hits.map(({ text }) => text).sort()
    }
    const met = ids.splice(0, 30)
    const unmet = ids.splice(0, 5)
    for (const id of met) expect(await ask(id)).toEqual(['one 1', 'two 1'])
    // It lists the shard beside the questions.
    await vi.waitFor(() => expect(sent.some(({ body }) => /"limit":\d{6}/.test(body))).toBe(true), {
      timeout: 20_000,
    })
    await setTimeout(300)

    const changes: [(creator: Creator) => Promise<unknown>, string[]][] = [
      [async () => undefined, ['one 1', 'two 1']],
      [creator => creator.upsert([documentOf('three', 1)]), ['one 1', 'three 1', 'two 1']],
      [creator => creator.upsert([documentOf('one', 2)]), ['one 2', 'two 1']],
      [creator => creator.delete({ documents: ['two'] }), ['one 1']],
      [creator => creator.clear(), []],
    ]
    sent.length = 0
    for (const [index, id] of ids.entries()) {
      const [change, wanted] = changes[index % changes.length]!
      await change(writer!.creator(id))
      expect({ id, found: await ask(id) }).toEqual({ id, found: wanted })
    }
    const byIds = () => sent.filter(({ body }) => /"ids":\["\d+:listed/.test(body))
    expect(byIds().length).toBeGreaterThan(0)

    // Thousands at once: what was listed is known to be old as soon as that is heard of.
    const others = Array.from({ length: 2000 }, (_, index) => `one of thousands ${index}`)
    await writer!.upsert(new Map(others.map(id => [id, [documentOf('one', 1)]])))
    sent.length = 0
    for (const id of unmet) expect(await ask(id)).toEqual(['one 1', 'two 1'])
    expect(byIds().length).toBe(1)
  })

  it('is forgotten when the write versions are gone, as after a restore', async () => {
    const [reader, writer] = stores.map(store => store.knowledge().creator('restored'))
    const ask = async () =>
      (await reader!.query({ vector: vectorFor('one', DIMENSION) })).map(({ text }) => text)
    await writer!.upsert([documentOf('one', 1)])
    expect(await ask()).toEqual(['one 1'])
    const database = `${chroma.url}/api/v2/tenants/default_tenant/databases/knowledge_generation_1`
    const { status } = await fetch(`${database}/collections/knowledge_marks`, { method: 'DELETE' })
    expect(status).toBe(200)
    await writer!.upsert([documentOf('one', 2)])
    expect(await ask()).toEqual(['one 2'])
    await writer!.upsert([documentOf('one', 3)])
    expect(await ask()).toEqual(['one 3'])
  })
})
