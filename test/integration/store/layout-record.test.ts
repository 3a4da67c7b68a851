import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChromaCollection } from '../../../checks/chroma/collection.ts'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import type { WriteFreeze } from '../../../checks/store/shards/write-freeze.ts'
import type { Fetch } from '../../../checks/transport/connection.ts'
import { collectionOf, databaseOf, shardOf } from '../../../infra/shards.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 8
const DATABASE = databaseOf(1)
const SHARDS = 50
const EVERYTHING = { chunk_index: { $gte: 0 } }

const documentOf = (id: string, text: string, chunks = 1) => ({
  id,
  chunks: Array.from({ length: chunks }, (_, index) => ({
    text: index === 0 ? text : `${text} ${index}`,
    vector: vectorFor(`${text} ${index}`, DIMENSION),
  })),
})

describe('the layout record of a shard', () => {
  let chroma: RunningChroma[]
  /** As two processes: neither knows of the other. */
  let stores: ConnectedDeployment[]
  let knowledge: Knowledge[]
  /** What happens around one request of the first process, which it is asked about. */
  let around:
    | { isIt: (url: string, body: string) => boolean; before?: Work; after?: Work }
    | undefined
  type Work = () => Promise<unknown>

  const watched: Fetch = async (url, init) => {
    if (!around?.isIt(String(url), String(init?.body))) return fetch(url, init)
    const { before, after } = around
    around = undefined
    await before?.()
    const response = await fetch(url, init)
    await after?.()
    return response
  }

  beforeAll(async () => {
    chroma = [await startChroma(), await startChroma()]
    const urls = chroma.map(({ url }) => url)
    const outputs = outputsOf({ chroma: urls, dimensions: DIMENSION, shards: SHARDS })
    stores = [await openDeployment(outputs, { fetch: watched }), await openDeployment(outputs)]
    knowledge = stores.map(store => store.knowledge())
  })
  afterAll(async () => {
    for (const store of stores) await store.close()
    for (const server of chroma) await server.stop()
  })

  let taken = 0
  /** The same creator, of a shard that no other test uses, as both processes see it. */
  function nextCreator(): [Creator, Creator] {
    const shard = taken++
    let attempt = 0
    while (shardOf(`someone ${attempt}`, SHARDS) !== shard) attempt += 1
    const [one, other] = knowledge.map(store => store.creator(`someone ${attempt}`))
    return [one!, other!]
  }
  const homeOf = (shard: number) => shard % 2
  const serverOf = (instance: number) => stores[1]!.chroma[instance]!

  async function collectionAt(instance: number, name: string): Promise<ChromaCollection> {
    const info = await serverOf(instance).findCollection(DATABASE, name)
    return serverOf(instance).records(DATABASE, info!.id)
  }
  async function recorded(shard: number) {
    const marks = await collectionAt(homeOf(shard), 'knowledge_marks')
    const ids = [`shard ${shard}`]
    const found = await marks.get({ kind: { $eq: 'layout' } }, { ids, include: ['metadatas'] })
    return found.map(({ metadata }) => JSON.parse(String(metadata?.value)))
  }
  async function record(shard: number, value: string) {
    const id = `shard ${shard}`
    const marks = await collectionAt(homeOf(shard), 'knowledge_marks')
    await marks.upsert([
      { id, metadata: { kind: 'layout', name: id, value }, text: '', vector: [1] },
    ])
  }
  /** By hand: to another collection of another name on the other instance. */
  async function move(shard: number): Promise<ChromaCollection> {
    const [before] = await recorded(shard)
    const instance = 1 - before.instance
    const name = `moved_${shard}_${before.version}`
    const metadata = knowledge[1]!.shards.settings.metadata
    await serverOf(instance).ensureDatabase(DATABASE)
    const info = await serverOf(instance).ensureCollection(DATABASE, name, {
      space: 'cosine',
      metadata,
    })
    const [from, to] = [
      serverOf(before.instance).records(DATABASE, before.collection),
      serverOf(instance).records(DATABASE, info.id),
    ]
    const all = await from.get(EVERYTHING, { include: ['metadatas', 'documents', 'embeddings'] })
    if (all.length > 0) await to.add(all as Parameters<typeof to.add>[0])
    const version = before.version + 1
    await record(shard, JSON.stringify({ version, instance, collection: info.id, name }))
    return to
  }
  const textsOf = async (creator: Creator) => (await creator.get()).map(({ text }) => text)
  const nearest = async (creator: Creator, text: string) => {
    const [hit] = await creator.query({ vector: vectorFor(`${text} 0`, DIMENSION) }, { count: 1 })
    return hit?.text
  }

  it('is what the outputs say, once the shard is made', async () => {
    const [{ shard }, other] = nextCreator()
    await other.upsert([documentOf('a', 'first')])
    const info = await serverOf(homeOf(shard)).findCollection(DATABASE, collectionOf(shard))
    const place = { instance: homeOf(shard), collection: info!.id, name: collectionOf(shard) }
    expect(await recorded(shard)).toEqual([{ version: 1, ...place }])
  })

  it('is written by the next who writes to a store of before, by nobody who reads, and not by the verification', async () => {
    const [creator] = nextCreator()
    const { shard } = creator
    await creator.upsert([documentOf('a', 'first')])
    const marks = await collectionAt(homeOf(shard), 'knowledge_marks')
    await marks.delete({ kind: { $eq: 'layout' } }, [`shard ${shard}`])
    const store = stores[0]!.knowledge()
    const again = store.creator(creator.id)
    expect(await textsOf(again)).toEqual(['first'])
    expect(await nearest(again, 'first')).toBe('first')
    let attempt = 0
    while (store.probe(`run ${attempt}`).shard !== shard) attempt += 1
    const probe = store.probe(`run ${attempt}`)
    await probe.upsert([documentOf('a', 'probe')])
    await probe.clear()
    await store.shards.existing()
    expect(await recorded(shard)).toEqual([])
    await again.upsert([documentOf('b', 'second')])
    expect(await recorded(shard)).toMatchObject([{ version: 1 }])
    expect(await textsOf(creator)).toEqual(['first', 'second'])
  })

  it('is followed by all processes without a restart, there and back', async () => {
    const [one, other] = nextCreator()
    const { shard } = one
    await one.upsert([documentOf('a', 'first')])
    expect(await nearest(other, 'first')).toBe('first')
    const left = await collectionAt(homeOf(shard), collectionOf(shard))
    for (const version of [2, 3]) {
      const [was] = await recorded(shard)
      const to = await move(shard)
      // Whoever still looked here would find nothing.
      await serverOf(was.instance).records(DATABASE, was.collection).delete(EVERYTHING, undefined)
      expect(await nearest(other, 'first')).toBe('first')
      expect(await textsOf(one)).toEqual(['first'])
      expect(await other.count()).toBe(1)
      expect((await one.documents()).map(({ document }) => document)).toEqual(['a'])
      await one.upsert([documentOf('b', `written ${version}`)])
      expect(await nearest(other, `written ${version}`)).toBe(`written ${version}`)
      await other.delete({ documents: ['b'] })
      expect(await textsOf(one)).toEqual(['first'])
      expect(await to.size()).toBe(1)
      const [place] = await recorded(shard)
      expect(place).toMatchObject({ version, instance: 1 - was.instance })
      for (const store of knowledge) {
        const { shards } = await store.statistics()
        const { instance, name: collection } = place
        expect(shards[shard]).toMatchObject({ instance, collection, records: 1 })
      }
    }
    expect(await left.size()).toBe(0)
  })

  const isFirstChunk = (url: string, body: string) =>
    url.endsWith('/add') && body.includes('"chunk_index":0')
  const isDelete = (url: string) => url.endsWith('/delete')
  const writes: [string, typeof isFirstChunk, string[], (creator: Creator) => Promise<unknown>][] =
    [
      [
        'put',
        isFirstChunk,
        ['kept', 'fresh'],
        creator => creator.upsert([documentOf('changed', 'fresh')]),
      ],
      [
        'long put',
        isFirstChunk,
        ['kept', ...documentOf('changed', 'fresh', 400).chunks.map(({ text }) => text)],
        creator => creator.upsert([documentOf('changed', 'fresh', 400)]),
      ],
      [
        'add',
        isFirstChunk,
        ['kept', 'old', 'fresh'],
        creator => creator.add([documentOf('new', 'fresh')]),
      ],
      [
        'load',
        isFirstChunk,
        ['kept', 'fresh'],
        creator => knowledge[0]!.upsert(new Map([[creator.id, [documentOf('changed', 'fresh')]]])),
      ],
      [
        'delete',
        isDelete,
        ['kept'],
        async creator => expect(await creator.delete({ documents: ['changed'] })).toBe(1),
      ],
    ]
  const moments = ['before', 'after'] as const
  it.each(
    writes.flatMap(([what, ...rest]) => moments.map(moment => [what, moment, ...rest] as const)),
  )(
    'lets a %s that was under way be found in the new place, which it changed to %s the last byte',
    async (_, moment, isIt, wanted, write) => {
      const [one, other] = nextCreator()
      const { shard } = one
      await one.upsert([documentOf('always', 'kept'), documentOf('changed', 'old')])
      expect(await textsOf(other)).toEqual(['kept', 'old'])
      let to: ChromaCollection | undefined
      around = {
        isIt,
        [moment]: async () => {
          to = await move(shard)
        },
      }
      await write(one)
      expect(await textsOf(other)).toEqual(wanted)
      expect(await textsOf(one)).toEqual(wanted)
      expect(await to!.size()).toBe(wanted.length)
    },
  )

  it('sends no first byte to where a shard was before', async () => {
    const [one, other] = nextCreator()
    const { shard } = one
    await one.upsert([documentOf('a', 'first')])
    const left = await collectionAt(homeOf(shard), collectionOf(shard))
    await move(shard)
    await one.upsert([documentOf('b', 'second')])
    await other.add([documentOf('c', 'third')])
    await one.delete({ documents: ['a'] })
    expect(await textsOf(other)).toEqual(['second', 'third'])
    const there = await left.get(EVERYTHING, { include: ['documents'] })
    expect(there.map(({ text }) => text)).toEqual(['first'])
  })

  it('goes on by one version when the collection was deleted and made again, and never back to what a move left', async () => {
    const [one, other] = nextCreator()
    const { shard } = one
    await one.upsert([documentOf('a', 'first')])
    await move(shard)
    expect(await textsOf(other)).toEqual(['first'])
    const [{ instance, name }] = await recorded(shard)
    const path = `/api/v2/tenants/default_tenant/databases/${DATABASE}/collections/${name}`
    const { status } = await fetch(chroma[instance]!.url + path, { method: 'DELETE' })
    expect(status).toBe(200)
    expect(await textsOf(other)).toEqual([])
    await one.upsert([documentOf('a', 'second')])
    expect(await textsOf(other)).toEqual(['second'])
    const made = await serverOf(instance).findCollection(DATABASE, name)
    expect(await recorded(shard)).toEqual([{ version: 3, instance, collection: made!.id, name }])
  })

  it('tells the collection by its UUID, whatever it and others are called', async () => {
    const [creator] = nextCreator()
    const { shard } = creator
    await creator.upsert([documentOf('a', 'first')])
    const [{ instance, collection, name }] = await recorded(shard)
    const path = `/api/v2/tenants/default_tenant/databases/${DATABASE}/collections/${collection}`
    const { status } = await fetch(chroma[instance]!.url + path, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ new_name: `renamed_${shard}` }),
    })
    expect(status).toBe(200)
    const { metadata } = knowledge[1]!.shards.settings
    const settings = { space: 'cosine', metadata } as const
    await serverOf(instance).ensureCollection(DATABASE, name, settings)
    const store = stores[1]!.knowledge()
    expect(await textsOf(store.creator(creator.id))).toEqual(['first'])
    expect((await store.shards.existing()).get(shard)?.id).toBe(collection)
  })

  it('is refused, and nothing taken in its place, where it names a server that the outputs do not have, or cannot be read', async () => {
    const [one, other] = nextCreator()
    const { shard } = one
    await one.upsert([documentOf('a', 'first')])
    const [{ collection, name }] = await recorded(shard)
    await record(shard, JSON.stringify({ version: 2, instance: 7, collection, name }))
    const elsewhere = { kind: 'misused', message: expect.stringContaining('Chroma server 7') }
    for (const creator of [one, other]) {
      await expect(textsOf(creator)).rejects.toMatchObject(elsewhere)
      await expect(creator.upsert([documentOf('b', 'second')])).rejects.toMatchObject(elsewhere)
    }
    await record(shard, '{}')
    await expect(textsOf(one)).rejects.toMatchObject({ message: expect.stringContaining('{}') })
    await record(shard, JSON.stringify({ version: 3, instance: homeOf(shard), collection, name }))
    expect(await textsOf(one)).toEqual(['first'])
  })

  describe('while writes are frozen for an upgrade', () => {
    const versions = (chroma: string) => ({
      chroma: { version: chroma, image: `chromadb/chroma:${chroma}` },
      ollama: { version: '0.17.4', image: 'ollama/ollama:0.17.4' },
    })
    const since = new Date().toISOString()
    const [from, to] = [versions('1.5.8'), versions('1.5.9')]
    const setFreeze = (state: WriteFreeze['state'], id: string) =>
      knowledge[1]!.shards.layouts.recordFreeze(SHARDS, { id, state, since, from, to })
    const frozen = {
      kind: 'unavailable',
      message: expect.stringMatching(/Nothing is written since .*Chroma 1\.5\.8 → 1\.5\.9/),
    }
    const id = randomUUID()
    const isAdd = (url: string) => url.endsWith('/add')

    it('is read and not written, on every server and by every process', async () => {
      const [one, other] = nextCreator()
      const [fresh] = nextCreator()
      await one.upsert([documentOf('a', 'first')])
      await setFreeze('frozen', id)
      try {
        for (const creator of [one, other, fresh]) {
          await expect(creator.upsert([documentOf('b', 'second')])).rejects.toMatchObject(frozen)
          await expect(creator.delete({ documents: ['a'] })).rejects.toMatchObject(frozen)
        }
        expect(await textsOf(one)).toEqual(['first'])
        expect(await nearest(other, 'first')).toBe('first')
        expect((await knowledge[1]!.shards.existing()).has(fresh.shard)).toBe(false)
        await knowledge[0]!.probe('freeze').upsert([documentOf('a', 'of the verification')])
      } finally {
        await setFreeze('over', id)
      }
      await fresh.upsert([documentOf('b', 'second')])
      expect(await textsOf(fresh)).toEqual(['second'])
    })

    it('lasts where a new server has lost the record of it, until it is told to be over', async () => {
      const [one] = nextCreator()
      await one.upsert([documentOf('a', 'first')])
      await setFreeze('frozen', id)
      await expect(one.upsert([documentOf('b', 'second')])).rejects.toMatchObject(frozen)
      const marks = await collectionAt(homeOf(one.shard), 'knowledge_marks')
      await marks.delete({ kind: { $eq: 'freeze' } }, undefined)
      await expect(one.upsert([documentOf('b', 'second')])).rejects.toMatchObject(frozen)
      await setFreeze('over', id)
      await one.upsert([documentOf('b', 'second')])
    })

    it('acknowledges nothing that was under way when it began', async () => {
      const [one] = nextCreator()
      await one.upsert([documentOf('a', 'first')])
      around = { isIt: isAdd, before: () => setFreeze('frozen', id) }
      await expect(one.upsert([documentOf('a', 'second')])).rejects.toMatchObject(frozen)
      await setFreeze('over', id)
    })

    it('writes again what was under way when it began, and is not any more when it is over', async () => {
      const [one, other] = nextCreator()
      await one.upsert([documentOf('a', 'first')])
      const takenBack = async () => {
        const again = randomUUID()
        await setFreeze('frozen', again)
        const records = await collectionAt(homeOf(one.shard), collectionOf(one.shard))
        const ids = await records.ids(0, 100)
        await records.delete(EVERYTHING, ids)
        await setFreeze('over', again)
      }
      around = { isIt: isAdd, after: takenBack }
      await one.upsert([documentOf('a', 'second', 3)])
      expect(await textsOf(other)).toEqual(['second', 'second 1', 'second 2'])
    })
  })
})
