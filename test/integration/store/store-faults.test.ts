import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { collectionOf, databaseOf, shardOf } from '../../../infra/shards.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DATABASE = databaseOf(1)
const CREATOR = 'someone'
const isWrite = (url: string) => /\/(add|upsert)$/.test(url)

const document = (id: string, count: number, metadata = {}) => ({
  id,
  metadata,
  chunks: Array.from({ length: count }, (_, index) => ({
    text: `${id} ${index}`,
    vector: vectorFor(`${id} ${index}`, 384),
  })),
})

describe('the tenant store, when something is wrong', () => {
  let chroma: [RunningChroma, RunningChroma]
  let outputs: Outputs
  const opened: ConnectedDeployment[] = []

  beforeAll(async () => {
    chroma = [await startChroma(), await startChroma()]
    outputs = outputsOf({ chroma: chroma.map(({ url }) => url) })
  })
  afterAll(async () => {
    for (const deployment of opened) await deployment.close()
    for (const server of chroma) await server.stop()
  })
  beforeEach(async () => {
    const { chroma } = await open(outputs)
    for (const server of chroma) await server.deleteDatabase(DATABASE)
  })

  async function open(of: Outputs, fetch?: typeof globalThis.fetch): Promise<ConnectedDeployment> {
    const deployment = await openDeployment(of, { ...(fetch && { fetch }) })
    opened.push(deployment)
    return deployment
  }
  const storeOf = async (of: Outputs): Promise<Knowledge> => (await open(of)).knowledge()

  it('replaces a document whole though what it was before cannot be taken away, and takes it away the next time', async () => {
    await (await storeOf(outputs)).creator(CREATOR).upsert([document('a', 5, { old: 1 })])
    const failing = await open(outputs, (url, init) =>
      String(url).endsWith('/delete')
        ? Promise.resolve(new Response('{"error":"disk full"}', { status: 500 }))
        : fetch(url, init),
    )
    await failing
      .knowledge()
      .creator(CREATOR)
      .upsert([document('a', 2, { new: 1 })])

    const creator = (await storeOf(outputs)).creator(CREATOR)
    const isNew = async () => {
      const chunks = await creator.get()
      expect(chunks.map(({ index, metadata }) => [index, metadata])).toEqual([
        [0, { new: 1 }],
        [1, { new: 1 }],
      ])
    }
    await isNew()
    expect(await recordsIn(creator.shard)).toBe(5 + 2)
    await creator.upsert([document('a', 2, { new: 1 })])
    await isNew()
    expect(await recordsIn(creator.shard)).toBe(2)
  })

  async function recordsIn(shard: number): Promise<number> {
    const { chroma } = await open(outputs)
    const instance = chroma[outputs.chroma.shardMap[shard]!]!
    const { id } = (await instance.findCollection(DATABASE, collectionOf(shard)))!
    return instance.records(DATABASE, id).size()
  }

  /** A store whose server does not do the next of what is chosen. */
  async function failingOnce(isChosen: (url: string, body: string) => boolean) {
    let failed = false
    const failing = await open(outputs, (url, init) => {
      if (failed || !isChosen(String(url), String(init?.body))) return fetch(url, init)
      failed = true
      return Promise.resolve(new Response('{"error":"disk full"}', { status: 500 }))
    })
    return failing.knowledge()
  }

  it('tells all who read of a delete by its repeat, when the first could not', async () => {
    const isMark = (url: string, body: string) =>
      url.endsWith('/upsert') && body.includes('"kind":"mark"')
    const writer = (await storeOf(outputs)).creator(CREATOR)
    await writer.upsert([document('secret', 2)])
    const reader = (await storeOf(outputs)).creator(CREATOR)
    const ask = () => reader.query({ vector: vectorFor('secret 0', 384) })
    expect(await ask()).toHaveLength(2)
    const failing = (await failingOnce(isMark)).creator(CREATOR)
    await expect(failing.delete({ documents: ['secret'] })).rejects.toThrow('disk full')
    await failing.delete({ documents: ['secret'] })
    expect(await ask()).toEqual([])
  })

  it('lets a document be added again whose first half alone went in', async () => {
    let writes = 0
    const isSecondHalf = (url: string, body: string) =>
      isWrite(url) && body.includes('document_id') && ++writes === 2
    const creator = (await failingOnce(isSecondHalf)).creator(CREATOR)
    await expect(creator.add([document('a', 500)])).rejects.toThrow('disk full')
    expect(await creator.count()).toBe(0)
    await creator.add([document('a', 500)])
    expect(await creator.count()).toBe(500)
    await expect(creator.add([document('a', 1)])).rejects.toThrow('exists already')
  })

  describe('adding a document that another process puts meanwhile', () => {
    const theirs = (of: Knowledge) =>
      of.creator(CREATOR).upsert([document('a', 3, { by: 'other' })])
    const isTheirsWhole = async () => {
      const chunks = await (await storeOf(outputs)).creator(CREATOR).get()
      expect(chunks.map(({ index, metadata }) => [index, metadata])).toEqual(
        [0, 1, 2].map(index => [index, { by: 'other' }]),
      )
    }
    /** A store before whose n-th write of a document something happens, once. */
    async function interrupted(nth: number, happen: () => Promise<Response | undefined>) {
      let seen = 0
      const store = await open(outputs, async (url, init) => {
        const isDocument = isWrite(String(url)) && String(init?.body).includes('document_id')
        if (isDocument && ++seen === nth) return (await happen()) ?? fetch(url, init)
        return fetch(url, init)
      })
      return store.knowledge().creator(CREATOR)
    }

    it.each([
      ['the clocks differ', Date.now],
      ['both write in the same millisecond', () => 2_000_000_000_000],
    ])('takes out nothing of theirs when it fails half way, and %s', async (_, now) => {
      const other = (await openDeployment(outputs, { now })).knowledge()
      let seen = 0
      const failing = await openDeployment(outputs, {
        now,
        fetch: async (url, init) => {
          const isDocument = isWrite(String(url)) && String(init?.body).includes('document_id')
          if (!isDocument || ++seen !== 2) return fetch(url, init)
          await theirs(other)
          return new Response('{"error":"broken"}', { status: 500 })
        },
      })
      opened.push(failing)
      const half = failing.knowledge().creator(CREATOR)
      await expect(half.add([document('a', 500)])).rejects.toThrow('broken')
      await isTheirsWhole()
    })

    it('is refused, and leaves theirs whole, when theirs comes between the look and the write', async () => {
      const other = await storeOf(outputs)
      const creator = await interrupted(1, () => theirs(other).then(() => undefined))
      await expect(creator.add([document('a', 5)])).rejects.toThrow('exists already')
      await isTheirsWhole()
    })

    it('gives it to one of two who add it at once, and tells the other', async () => {
      const stores = [await storeOf(outputs), await storeOf(outputs)]
      for (let round = 0; round < 5; round += 1) {
        const id = `round ${round}`
        const added = await Promise.allSettled(
          stores.map((store, by) => store.creator(CREATOR).add([document(id, 1 + 3 * by, { by })])),
        )
        const winners = added.flatMap(({ status }, by) => (status === 'fulfilled' ? [by] : []))
        expect(winners).toHaveLength(1)
        const chunks = await stores[0]!.creator(CREATOR).get({ documents: [id] })
        expect(chunks.map(({ metadata }) => metadata.by)).toEqual(
          Array.from({ length: 1 + 3 * winners[0]! }, () => winners[0]),
        )
      }
    })
  })

  it('replaces a document whole, whatever clock it was written by', async () => {
    let now = 2_000_000_000_000
    const { knowledge } = await openDeployment(outputs, { now: () => now })
    const creator = knowledge().creator(CREATOR)
    await creator.upsert([document('a', 5, { version: 1 })])
    now -= 60_000
    await creator.upsert([document('a', 2, { version: 2 })])
    expect((await creator.get()).map(({ metadata }) => metadata.version)).toEqual([2, 2])
  })

  it('replaces a document among whose chunks somebody else has put some of their own making', async () => {
    const made = await open(outputs)
    const creator = made.knowledge().creator(CREATOR)
    await creator.upsert([document('a', 3)])
    const instance = made.chroma[outputs.chroma.shardMap[creator.shard]!]!
    const shard = await instance.findCollection(DATABASE, collectionOf(creator.shard))
    const foreign = [1, 7].map(index => ({
      id: `${CREATOR.length}:${CREATOR}1:a${index}`,
      metadata: { creator_id: CREATOR, document_id: 'a', strange: true, created_at: null },
      text: 'foreign',
      vector: vectorFor('foreign', 384),
    }))
    await instance.records(DATABASE, shard!.id).upsert(foreign)
    await creator.upsert([document('a', 2)])
    const chunks = await creator.get()
    expect(chunks.map(({ text, metadata }) => [text, metadata])).toEqual([
      ['a 0', {}],
      ['a 1', {}],
    ])
  })

  it('lets each caller give up for itself', async () => {
    const stop = new AbortController()
    let preflights = 0
    const slow = await open(outputs, async (url, init) => {
      if (String(url).endsWith('pre-flight-checks')) {
        preflights += 1
        await new Promise(resolve => setTimeout(resolve, 100))
      }
      return fetch(url, { ...init, signal: init?.signal ?? null })
    })
    const knowledge = slow.knowledge()
    const first = knowledge.creator('first').upsert([document('a', 1)], stop.signal)
    const second = knowledge.creator('second').upsert([document('a', 1)])
    while (preflights === 0) await new Promise(setImmediate)
    stop.abort(new Error('the first gave up'))
    await expect(first).rejects.toThrow('the first gave up')
    await second
    expect(await knowledge.creator('second').count()).toBe(1)
  })

  it('lets a caller go who gives up while what others wrote is looked at', async () => {
    await (await storeOf(outputs)).creator(CREATOR).upsert([document('a', 1)])
    let isHung = false
    const hung = await open(outputs, (url, init) =>
      isHung && String(init?.body).includes('everybody')
        ? new Promise((_, reject) =>
            init?.signal?.addEventListener('abort', () => reject(new TypeError('hung'))),
          )
        : fetch(url, init),
    )
    const creator = hung.knowledge().creator(CREATOR)
    const ask = (signal?: AbortSignal) =>
      creator.query({ vector: vectorFor('a 0', 384) }, {}, signal)
    await ask()
    isHung = true
    const answers = [1, 2].map(() => ask(AbortSignal.timeout(300)))
    for (const answer of answers) {
      await expect(answer).rejects.toMatchObject({ name: 'TimeoutError' })
    }
    isHung = false
  })

  it('loads for many creators, some of whom have nothing, where there is nothing yet', async () => {
    const knowledge = await storeOf(outputs)
    const [some, none] = [creatorOn(0), creatorOn(1)]
    await knowledge.upsert(
      new Map([
        [some, [document('a', 1)]],
        [none, []],
      ]),
    )
    expect(await knowledge.creator(some).count()).toBe(1)
    expect(await knowledge.creator(none).clear()).toBe(0)
  })

  it('hands nothing out when the server ignores the filter', async () => {
    const others = (await storeOf(outputs)).creator(CREATOR)
    await others.upsert([document('secret', 1)])
    const unfiltered = await open(outputs, (url, init) => {
      const { where, ...rest } = JSON.parse(String(init?.body ?? '{}'))
      return fetch(url, where === undefined ? init : { ...init, body: JSON.stringify(rest) })
    })
    const neighbour = unfiltered.knowledge().creator(neighbourOf(CREATOR))
    const foreign = /records of another creator/
    await expect(neighbour.get()).rejects.toThrow(foreign)
    await expect(neighbour.count()).rejects.toThrow(foreign)
    await expect(neighbour.documents()).rejects.toThrow(foreign)
    await expect(neighbour.query({ vector: vectorFor('secret 0', 384) })).rejects.toThrow(foreign)
    await expect(neighbour.clear()).rejects.toThrow(foreign)
    expect(await others.count()).toBe(1)
  })

  it('keeps every shard on its instance, and nowhere else', async () => {
    const knowledge = await storeOf(outputs)
    const ids = Array.from({ length: 30 }, (_, index) => `creator ${index}`)
    for (const id of ids) await knowledge.creator(id).upsert([document('a', 1)])
    const { chroma } = await open(outputs)
    for (const [instance, server] of chroma.entries()) {
      const names = (await server.collections(DATABASE))
        .map(({ name }) => name)
        .filter(name => name.startsWith('knowledge_shard_'))
        .sort()
      const wanted = ids
        .map(id => shardOf(id, 10))
        .filter(shard => outputs.chroma.shardMap[shard] === instance)
      expect(names).toEqual([...new Set(wanted.map(collectionOf))].sort())
    }
  })

  it.each([
    ['another shard count', (of: Outputs) => ({ ...of.chroma, shards: 20 }), 'shard_count is 10'],
    ['another generation', (of: Outputs) => of.chroma, 'generation is 7'],
  ])('refuses data of %s, in the shard itself and in a new one', async (_, change, reason) => {
    const generation = reason.startsWith('generation') ? 7 : 1
    const made = await open({ ...outputs, chroma: { ...outputs.chroma, generation } })
    await made
      .knowledge(DATABASE)
      .creator(CREATOR)
      .upsert([document('a', 1)])

    const chroma = change(outputs)
    const shardMap = Array.from({ length: chroma.shards }, () => 0)
    const map = { ...chroma, shardMap: [...outputs.chroma.shardMap, ...shardMap] }
    const knowledge = await storeOf({ ...outputs, chroma: map })
    for (const id of [CREATOR, creatorInNewShard(chroma.shards)]) {
      await expect(knowledge.creator(id).upsert([document('b', 1)])).rejects.toThrow(reason)
    }
  })

  it('refuses a shard that someone else made, whose distance is l2', async () => {
    const { chroma } = await open(outputs)
    const shard = shardOf(CREATOR, 10)
    const server = chroma[outputs.chroma.shardMap[shard]!]!
    await server.ensureDatabase(DATABASE)
    const collections = `/api/v2/tenants/default_tenant/databases/${DATABASE}/collections`
    const knowledge = await storeOf(outputs)
    const creator = knowledge.creator(CREATOR)
    const make = (metadata: unknown) =>
      fetch(server.connection.url + collections, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: collectionOf(shard), metadata }),
      })

    await make(null)
    await expect(creator.get()).rejects.toThrow('says nothing of itself')
    await server.deleteDatabase(DATABASE)
    await server.ensureDatabase(DATABASE)
    await make(knowledge.shards.settings.metadata)
    await expect(creator.get()).rejects.toThrow('the index space is "l2" and should be "cosine"')
  })

  it('refuses vectors of another dimension than the shard has', async () => {
    const narrow = outputsOf({ chroma: outputs.chroma.instances.map(urlOf), dimensions: 8 })
    const chunks = [{ text: 'x', vector: vectorFor('x', 8) }]
    await (await storeOf(narrow)).creator(CREATOR).upsert([{ id: 'a', chunks }])
    const creator = (await storeOf(outputs)).creator(CREATOR)
    await expect(creator.upsert([document('a', 1)])).rejects.toThrow(
      'dimension is 8 and should be 384',
    )
  })

  it('does not let an instance that is gone keep the others from answering', async () => {
    const [first, second] = [creatorOn(0), creatorOn(1)]
    const knowledge = await storeOf(outputs)
    for (const id of [first, second]) await knowledge.creator(id).upsert([document('a', 1)])
    await chroma[1].kill()
    try {
      expect(await knowledge.creator(first).count()).toBe(1)
      await expect(knowledge.creator(second).count()).rejects.toMatchObject({
        reason: 'unreachable',
      })
    } finally {
      await chroma[1].start()
    }
  })

  const urlOf = ({ reach }: Outputs['chroma']['instances'][number]) => reach.url

  function find(matches: (id: string) => boolean): string {
    for (let attempt = 0; ; attempt += 1) {
      if (matches(`found ${attempt}`)) return `found ${attempt}`
    }
  }
  const neighbourOf = (id: string) => find(other => shardOf(other, 10) === shardOf(id, 10))
  const creatorOn = (instance: number) =>
    find(id => outputs.chroma.shardMap[shardOf(id, 10)] === instance)
  const creatorInNewShard = (shards: number) =>
    find(id => shardOf(id, shards) !== shardOf(CREATOR, 10))
})
