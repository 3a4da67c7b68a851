import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { workBesideData } from '../../../checks/chroma-files/beside-data.ts'
import { indexHeader } from '../../../checks/chroma-files/index-header.ts'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { examineShard } from '../../../checks/damage/shard-damage.ts'
import { forgetCreator } from '../../../checks/forget/forget-creator.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { endRebuild, rebuildShard } from '../../../checks/reshard/rebuild-shard.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import type { Fetch } from '../../../checks/transport/connection.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 32
const SHARDS = 5
const VICTIM = 'victim'

const signal = new AbortController().signal
const options = { signal, report: () => undefined }

const documentOf = (id: string, text: string, chunks = 2) => ({
  id,
  metadata: { title: text },
  chunks: Array.from({ length: chunks }, (_, index) => ({
    text: `${text} ${index}`,
    // Not of length 1: the index keeps it in another form than the log.
    vector: vectorFor(`${text} ${index}`, DIMENSION).map(part => part * 3),
  })),
})

describe('forgetting a creator', () => {
  let chroma: RunningChroma
  let stores: ConnectedDeployment[]
  let mover: Knowledge
  let apis: [Knowledge, Knowledge]
  /** Is asked before each request of the mover. */
  let onRequest: (url: string, body: string) => Promise<void>
  /** Creators of the victim's shard. */
  let neighbours: string[]
  let shard: number

  beforeAll(async () => {
    chroma = await startChroma()
  })
  afterAll(() => chroma.stop())
  beforeEach(async () => {
    onRequest = async () => undefined
    const hooked: Fetch = async (url, init) => {
      await onRequest(String(url), String(init?.body))
      return fetch(url, init)
    }
    const outputs = outputsOf({ chroma: [chroma.url], dimensions: DIMENSION, shards: SHARDS })
    stores = [await openDeployment(outputs, { fetch: hooked })]
    for (let count = 0; count < 2; count += 1) stores.push(await openDeployment(outputs))
    const [first, ...others] = stores.map(store => store.knowledge())
    mover = first!
    apis = others as typeof apis
    shard = mover.creator(VICTIM).shard
    neighbours = Array.from({ length: 500 }, (_, index) => `neighbour ${index}`)
      .filter(id => mover.creator(id).shard === shard)
      .slice(0, 40)
    for (const id of neighbours) await apis[0].creator(id).upsert([documentOf('a', `${id} a`)])
    await apis[0].creator(VICTIM).upsert([documentOf('secret', 'The secret of the victim is', 3)])
  })
  afterEach(async () => {
    for (const server of stores[0]!.chroma) {
      for (const name of await server.databases()) {
        if (name !== 'default_database') await server.deleteDatabase(name)
      }
    }
    for (const store of stores) await store.close()
  })

  const chunksOf = async (knowledge: Knowledge, id: string) =>
    (await knowledge.creator(id).get()).map(({ text }) => text)
  const question = (knowledge: Knowledge, id: string) =>
    knowledge.creator(id).query({ vector: vectorFor(`${id} a 0`, DIMENSION) }, { count: 5 })
  const inFiles = async (traces: string, erase: boolean) =>
    workBesideData({ data: chroma.data, traces, erase })

  it('answers with nothing of it in any process, and with all of the others', async () => {
    for (const api of apis) expect(await question(api, VICTIM)).toHaveLength(3)
    const forgotten = await forgetCreator(mover, VICTIM, 1_700_000_000_000)
    expect(forgotten).toMatchObject({ creator: VICTIM, state: 'deleted', chunks: 3 })
    for (const api of apis) {
      expect(await question(api, VICTIM)).toEqual([])
      expect(await chunksOf(api, VICTIM)).toEqual([])
      expect(await question(api, neighbours[0]!)).toHaveLength(2)
      expect([...(await api.forgotten.voidUntil()).values()]).toEqual([1_700_000_000])
    }
  })

  it.each([
    ['in the log', 0],
    ['in the index', 30],
  ])('leaves no text and no vector of it in a file, where they were %s', async (_, more) => {
    // After a thousand records Chroma takes them from the log into the index, and after another the log is emptied.
    for (const id of neighbours) {
      const documents = Array.from({ length: more }, (_, n) =>
        documentOf(`m${n}`, `${id} m${n}`, 1),
      )
      await apis[1].creator(id).upsert(documents)
    }
    const forgotten = await forgetCreator(mover, VICTIM, Date.now())
    const traces = await mover.forgotten.traces(forgotten)
    const before = await inFiles(traces, false)
    // Three texts and three vectors: as a copy of the files would show them.
    expect(before.things).toBe(6)
    expect(before.found).toHaveLength(6)

    const rebuilt = await rebuildShard(mover.generations.first, shard, options)
    expect(rebuilt).toMatchObject({ shard, records: neighbours.length * (2 + more) })
    const after = await inFiles(traces, true)
    expect(after).toMatchObject({ found: [], holding: [], things: 6 })
    expect(after.files).toBeGreaterThan(0)
    for (const api of apis) {
      for (const id of neighbours) expect(await question(api, id)).not.toEqual([])
      expect(await chunksOf(api, neighbours[3]!)).toHaveLength(2 + more)
    }
    await apis[0].creator(neighbours[0]!).upsert([documentOf('later', 'written afterwards', 1)])
    expect(await chunksOf(apis[1], neighbours[0]!)).toHaveLength(3 + more)
  })

  it('leaves nothing of the server’s memory in an index that holds nothing yet, and the server goes on with it', async () => {
    // What the server has in its memory by then, of an index that is gone.
    for (let count = 0; count < 3; count += 1) {
      await rebuildShard(mover.generations.first, shard, options)
    }
    await inFiles('', true)
    const files = await readdir(chroma.data, { recursive: true })
    const small = files.filter(file => file.endsWith('data_level0.bin'))
    expect(small).not.toEqual([])
    for (const file of small) {
      const content = await readFile(join(chroma.data, file))
      const header = await indexHeader(join(chroma.data, dirname(file)))
      if (header!.records === 0) expect(content.every(byte => byte === 0)).toBe(true)
    }
    // So many that the index is saved, and read by the server that is started again.
    const documents = Array.from({ length: 1100 }, (_, n) => documentOf(`s${n}`, `saved ${n}`, 1))
    await apis[0].creator(neighbours[0]!).upsert(documents)
    await chroma.kill()
    await chroma.start()
    const found = await examineShard(await apis[1].shards.open(shard, signal), DIMENSION, signal, 0)
    expect(found.unreadable).toBeUndefined()
    expect(found.lost).toEqual([])
    for (const id of neighbours) expect(await question(apis[1], id)).not.toEqual([])
  })

  it('loses nothing that is written while the shard is rebuilt', async () => {
    const written = new Map<string, number>()
    let isOver = false
    const writers = neighbours.slice(0, 8).map(async (id, index) => {
      for (let round = 0; !isOver; round += 1) {
        await apis[index % 2]!.creator(id).upsert([documentOf('w', `${id} round ${round}`, 1)])
        written.set(id, round)
      }
    })
    for (let count = 0; count < 3; count += 1) {
      await rebuildShard(mover.generations.first, shard, options)
    }
    isOver = true
    await Promise.all(writers)
    for (const [id, round] of written) {
      for (const api of apis) {
        expect(await chunksOf(api, id)).toEqual([
          `${id} a 0`,
          `${id} a 1`,
          `${id} round ${round} 0`,
        ])
      }
    }
    const names = await stores[1]!.chroma[0]!.collections(mover.shards.database)
    expect(names.filter(({ name }) => name.startsWith(`knowledge_shard_${shard}`))).toHaveLength(1)
  })

  it.each([
    ['before anything was copied', 'rebuild', 0],
    ['before it closes the shard', 'closing\\":true', 0],
    ['before it says that the copy is in its place', '"moved"', 0],
    ['before it records that', 'layout', 0],
  ])('is as before or as after when the mover is killed %s', async (_, word, nth) => {
    let seen = 0
    onRequest = async (url, body) => {
      const writes = /(add|upsert)$/.test(url)
      if (!writes || !body.includes(word)) return
      if (seen === nth) throw new TypeError('killed')
      seen += 1
    }
    const from = mover.generations.first
    await expect(rebuildShard(from, shard, options)).rejects.toThrow()
    onRequest = async () => undefined
    for (const api of apis) expect(await question(api, neighbours[0]!)).toHaveLength(2)
    await apis[0].creator(neighbours[1]!).upsert([documentOf('b', 'meanwhile', 1)])
    await endRebuild(from, shard, signal)
    await rebuildShard(from, shard, options)
    for (const api of apis) {
      for (const id of neighbours) expect(await question(api, id)).not.toEqual([])
      expect(await chunksOf(api, neighbours[1]!)).toHaveLength(3)
    }
    const names = await stores[1]!.chroma[0]!.collections(mover.shards.database)
    expect(names.filter(({ name }) => name.startsWith(`knowledge_shard_${shard}`))).toHaveLength(1)
  })
})
