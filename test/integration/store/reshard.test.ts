import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { findMove } from '../../../checks/reshard/find-move.ts'
import { reshard, undoReshard } from '../../../checks/reshard/reshard.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import type { Fetch } from '../../../checks/transport/connection.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { databaseOf } from '../../../infra/shards.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 8
const BEFORE = 5
const AFTER = 8
const CREATORS = Array.from({ length: 40 }, (_, index) => `creator ${index}`)

interface UpsertBody {
  ids: string[]
  documents: string[]
  metadatas: object[]
  embeddings: unknown
}

const documentOf = (id: string, text: string, chunks = 2) => ({
  id,
  metadata: { title: text },
  chunks: Array.from({ length: chunks }, (_, index) => ({
    text: `${text} ${index}`,
    vector: vectorFor(`${text} ${index}`, DIMENSION),
  })),
})

describe('moving creators to another number of shards', () => {
  let chroma: RunningChroma[]
  let outputs: Outputs
  /** The mover's own, and two processes that know only of the first generation. */
  let stores: ConnectedDeployment[]
  let mover: Knowledge
  let apis: [Knowledge, Knowledge]
  /** Is asked before each request of the mover, and may give it another body. */
  let onRequest: (url: string, body: string) => Promise<unknown>
  const noHook = async () => undefined

  beforeAll(async () => {
    chroma = [await startChroma(), await startChroma()]
  })
  afterAll(async () => {
    for (const server of chroma) await server.stop()
  })
  beforeEach(async () => {
    onRequest = noHook
    const hooked: Fetch = async (url, init) => {
      const body = await onRequest(String(url), String(init?.body))
      return fetch(url, typeof body === 'string' ? { ...init, body } : init)
    }
    const urls = chroma.map(({ url }) => url)
    outputs = outputsOf({ chroma: urls, dimensions: DIMENSION, shards: BEFORE })
    stores = [await openDeployment(outputs, { fetch: hooked })]
    for (let count = 0; count < 2; count += 1) stores.push(await openDeployment(outputs))
    const [first, ...others] = stores.map(store => store.knowledge())
    mover = first!
    apis = others as typeof apis
  })
  afterEach(async () => {
    for (const server of stores[0]!.chroma) {
      for (const name of await server.databases()) {
        if (name.startsWith('knowledge')) await server.deleteDatabase(name)
      }
    }
    for (const store of stores) await store.close()
  })

  const move = (shards = AFTER, signal = AbortSignal.timeout(120_000)) =>
    reshard(mover, { shards, signal, report() {} })
  const textsOf = async (knowledge: Knowledge, creator: string) =>
    (await knowledge.creator(creator).get()).map(({ text }) => text).sort()
  const fill = () =>
    apis[0].upsert(
      new Map(CREATORS.map(creator => [creator, [documentOf('a', `${creator} a`)]] as const)),
    )
  const collections = async (generation: number) => {
    const lists = stores[0]!.chroma.map(server => server.collections(databaseOf(generation)))
    return (await Promise.all(lists)).flat().filter(({ name }) => name.includes('shard'))
  }

  it('keeps all that each has, in every process without a restart, and leaves nothing where it was', async () => {
    await fill()
    const before = await apis[1].creator('creator 3').get()
    expect(await move()).toMatchObject({ generation: 2, shards: AFTER, copied: 80, creators: 40 })
    for (const [index, creator] of CREATORS.entries()) {
      const own = [`${creator} a 0`, `${creator} a 1`]
      expect(await textsOf(apis[index % 2]!, creator)).toEqual(own)
      const vector = vectorFor(`${creator} a 1`, DIMENSION)
      const [hit] = await apis[0].creator(creator).query({ vector }, { count: 1 })
      expect(hit?.text).toBe(own[1])
    }
    expect(await apis[1].creator('creator 3').get()).toEqual(before)
    expect(await collections(1)).toEqual([])
    expect(await collections(2)).toHaveLength(AFTER)
    const { generation, records, creators, shards } = await apis[0].statistics()
    expect({ generation, records, creators: creators.count, shards: shards.length }).toEqual({
      generation: 2,
      records: 80,
      creators: 40,
      shards: AFTER,
    })
  })

  it('leaves a collection where it is that somebody has written to past the store, and tells which', async () => {
    await fill()
    const { id, name } = (await collections(1))[0]!
    const infos = stores[0]!.chroma.map(server => server.collections(databaseOf(1)))
    const home = (await Promise.all(infos)).findIndex(own => own.some(info => info.id === id))
    const foreign = {
      id: 'mine',
      text: 'mine',
      vector: vectorFor('mine', DIMENSION),
      metadata: { creator_id: 'me' },
    }
    await stores[0]!.chroma[home]!.records(databaseOf(1), id).add([foreign])
    const { kept, creators } = await move()
    expect({ kept, creators }).toEqual({ kept: [`${databaseOf(1)}/${name}`], creators: 40 })
    expect((await collections(1)).map(({ name }) => name)).toEqual([name])
    expect(await move(BEFORE)).toMatchObject({ generation: 3, copied: 80 })
    expect(await textsOf(apis[0], 'creator 1')).toHaveLength(2)
  })

  it.each<[string, (records: UpsertBody, at: number) => void]>([
    ['a text is another', ({ documents }, at) => documents.splice(at, 1, 'damaged')],
    [
      'a record is missing',
      records => {
        for (const part of Object.values(records)) if (Array.isArray(part)) part.pop()
      },
    ],
  ])('switches nobody whose copy is damaged: %s', async (_, damage) => {
    await fill()
    const last = CREATORS.at(-1)!
    const own = await textsOf(apis[1], last)
    onRequest = async (url, body) => {
      if (!url.endsWith('/upsert') || !body.includes(`"${last} a 1"`)) return undefined
      const records = JSON.parse(body) as UpsertBody
      const at = records.documents.indexOf(`${last} a 1`)
      // The last of them is the one that is lost.
      for (const part of [records.ids, records.documents, records.metadatas, records.embeddings])
        if (Array.isArray(part)) part.push(...part.splice(at, 1))
      damage(records, records.documents.length - 1)
      return JSON.stringify(records)
    }
    await expect(move()).rejects.toThrow(
      new RegExp(`1 creators of shard \\d do not have what they have .*: "${last}"`),
    )
    onRequest = noHook
    expect(await textsOf(apis[1], last)).toEqual(own)
  })

  it('does nothing when all are there already, and goes back by another move', async () => {
    await fill()
    await move()
    expect(await move()).toMatchObject({ generation: 2, copied: 0 })
    await apis[1].creator('creator 1').upsert([documentOf('b', 'meanwhile', 1)])
    expect(await move(BEFORE)).toMatchObject({ generation: 3, shards: BEFORE, copied: 81 })
    expect(await textsOf(apis[0], 'creator 1')).toEqual([
      'creator 1 a 0',
      'creator 1 a 1',
      'meanwhile 0',
    ])
    expect([await collections(2), (await collections(3)).length]).toEqual([[], BEFORE])
  })

  it('lets creators begin, and write and delete, where they are by then', async () => {
    await fill()
    await move()
    const [one, other] = apis.map(knowledge => knowledge.creator('creator 2'))
    await one!.add([documentOf('b', 'fresh', 1)])
    await expect(other!.add([documentOf('b', 'fresh', 1)])).rejects.toThrow(/exists already/)
    expect(await other!.delete({ documents: ['a'] })).toBe(2)
    expect(await textsOf(apis[0], 'creator 2')).toEqual(['fresh 0'])
    await apis[0].creator('a new one').upsert([documentOf('a', 'new', 1)])
    expect(await textsOf(apis[1], 'a new one')).toEqual(['new 0'])
    expect(await collections(1)).toEqual([])
  })

  /** Some work at the first request of the mover that is like this. */
  const atFirst = (isIt: (url: string, body: string) => boolean, work: () => Promise<unknown>) => {
    let isDone = false
    onRequest = async (url, body) => {
      if (isDone || !isIt(url, body)) return
      isDone = true
      await work()
    }
  }
  const isClosing = (_: string, body: string) => body.includes('closing')
  const isVerdict = (_: string, body: string) => body.includes('"moved"')
  const moments: [string, (url: string, body: string) => boolean][] = [
    ['before anything is read', url => url.endsWith('/count')],
    ['when it was copied', (url, body) => url.endsWith('/upsert') && body.includes('embeddings')],
    ['just before it is switched', isClosing],
  ]
  it.each(moments)('has what is written and deleted %s', async (_, isIt) => {
    await fill()
    atFirst(isIt, async () => {
      for (const [index, creator] of CREATORS.entries()) {
        const own = apis[index % 2]!.creator(creator)
        if (index % 4 === 0) await own.delete({ documents: ['a'] })
        else if (index % 4 === 1) await own.upsert([documentOf('a', 'changed', 1)])
        else if (index % 4 === 2) await own.add([documentOf('b', 'added', 1)])
        else await own.clear()
      }
      for (const index of CREATORS.keys()) {
        await apis[0].creator(`late ${index}`).upsert([documentOf('a', 'late', 1)])
      }
    })
    await move()
    for (const [index, creator] of CREATORS.entries()) {
      const wanted = [[], ['changed 0'], ['added 0', `${creator} a 0`, `${creator} a 1`], []][
        index % 4
      ]
      expect(await textsOf(apis[1], creator)).toEqual(wanted)
      expect(await textsOf(apis[1], `late ${index}`)).toEqual(['late 0'])
    }
  })

  it('has writers of those wait who are just being switched, and go on when whoever moves them is gone', async () => {
    await fill()
    const stopped = new AbortController()
    atFirst(isVerdict, async () => {
      stopped.abort()
      throw new Error('killed')
    })
    await expect(move(AFTER, stopped.signal)).rejects.toThrow()
    onRequest = noHook
    const started = performance.now()
    await Promise.all(
      CREATORS.map((creator, index) =>
        apis[index % 2]!.creator(creator).upsert([documentOf('a', 'after', 1)]),
      ),
    )
    expect(performance.now() - started).toBeLessThan(20_000)
    for (const creator of CREATORS) expect(await textsOf(apis[0], creator)).toEqual(['after 0'])
    await move()
    for (const creator of CREATORS) expect(await textsOf(apis[1], creator)).toEqual(['after 0'])
    expect(await collections(1)).toEqual([])
  })

  it('goes on after a mover was killed when it had said that creators moved, and not yet recorded it', async () => {
    await fill()
    const killed = new AbortController()
    let isSaid = false
    onRequest = async (_, body) => {
      if (killed.signal.aborted || (isSaid && isClosing('', body))) {
        killed.abort()
        throw new Error('killed')
      }
      isSaid ||= isVerdict('', body)
    }
    await expect(move(AFTER, killed.signal)).rejects.toThrow()
    onRequest = noHook
    for (const [index, creator] of CREATORS.entries()) {
      await apis[index % 2]!.creator(creator).upsert([documentOf('b', 'between', 1)])
      expect(await textsOf(apis[1 - (index % 2)]!, creator)).toHaveLength(3)
    }
    await move()
    for (const creator of CREATORS) expect(await textsOf(apis[0], creator)).toHaveLength(3)
  })

  it('does not bring back what was deleted since a mover that was killed had copied it', async () => {
    await fill()
    const killed = new AbortController()
    atFirst(isClosing, async () => {
      killed.abort()
      throw new Error('killed')
    })
    await expect(move(AFTER, killed.signal)).rejects.toThrow()
    onRequest = noHook
    for (const creator of CREATORS.slice(0, 20)) await apis[0].creator(creator).clear()
    await move()
    for (const [index, creator] of CREATORS.entries()) {
      expect(await textsOf(apis[1], creator)).toHaveLength(index < 20 ? 0 : 2)
    }
  })

  it('can be taken back while nobody has moved, and not by a move to another number meanwhile', async () => {
    await fill()
    const stopped = new AbortController()
    // Of each shard that is being switched.
    onRequest = async (url, body) => {
      if (!isClosing(url, body)) return
      stopped.abort()
      throw new Error('killed')
    }
    await expect(move(AFTER, stopped.signal)).rejects.toThrow()
    onRequest = noHook
    const signal = AbortSignal.timeout(60_000)
    expect((await findMove(mover, signal)).target?.shards).toBe(AFTER)
    await expect(move(AFTER + 1)).rejects.toMatchObject({
      kind: 'misused',
      message: expect.stringContaining(
        'A move to 8 shards on 2 servers, embedded by all-minilm:latest is under way',
      ),
      mend: expect.stringContaining('--undo'),
    })
    expect(await undoReshard(mover, signal)).toBe(true)
    expect(await undoReshard(mover, signal)).toBe(false)
    for (const creator of CREATORS) expect(await textsOf(apis[0], creator)).toHaveLength(2)
    expect(await collections(2)).toEqual([])
    expect(await move(AFTER + 1)).toMatchObject({ shards: AFTER + 1, copied: 80 })
    await expect(
      (async () => {
        atFirst(isVerdict, noHook)
        await move(AFTER)
      })(),
    ).resolves.toBeUndefined()
  })
})
