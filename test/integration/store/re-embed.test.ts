import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { reshard } from '../../../checks/reshard/reshard.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import type { DeployedModel, Outputs } from '../../../infra/outputs.ts'
import { databaseOf } from '../../../infra/shards.ts'
import { tinyNomicBert } from '../../support/models/tiny-nomic-bert.ts'
import { storeModel } from '../../support/store/test-store.ts'
import { startTinyDeployment, type TinyDeployment } from '../../support/store/tiny-deployment.ts'

/** Makes shorter vectors, puts nothing before its texts, and takes a sixteenth of the length. */
const OTHER = {
  role: 'embedding',
  name: 'other-embed:latest',
  serves: 'other-embed:latest',
  pool: 'default',
  contextLength: 128,
  dimensions: 384,
  prefixes: { document: '', query: '' },
} satisfies DeployedModel
const CREATORS = Array.from({ length: 12 }, (_, index) => `creator ${index}`)
/** Each as long as nomic-embed-text takes it, and longer than the other one does. */
const LONG = Array.from({ length: 60 }, (_, index) => `Bread number ${index} is baked.`).join(' ')

describe('moving creators to another embedding model', () => {
  let servers: TinyDeployment
  let outputs: Outputs
  let stores: ConnectedDeployment[]
  let mover: Knowledge
  let api: Knowledge
  beforeAll(async () => {
    servers = await startTinyDeployment(undefined, folder =>
      storeModel(folder, OTHER.name, {
        gguf: tinyNomicBert({ width: OTHER.dimensions, context: OTHER.contextLength }),
        family: 'nomic-bert',
        parameters: { num_thread: 1 },
      }),
    )
    outputs = { ...servers.outputs, models: [...servers.outputs.models, OTHER] }
  })
  afterAll(() => servers?.stop())
  beforeEach(async () => {
    stores = [await openDeployment(outputs), await openDeployment(outputs)]
    mover = stores[0]!.knowledge()
    api = stores[1]!.knowledge()
    await api.upsert(new Map(CREATORS.map(creator => [creator, [sayingOf(creator)]])))
  })
  afterEach(async () => {
    for (const name of await stores[0]!.chroma[0]!.databases()) {
      if (name.startsWith('knowledge')) await stores[0]!.chroma[0]!.deleteDatabase(name)
    }
    for (const store of stores) await store.close()
  })

  const sayingOf = (creator: string) => ({ id: 'a', text: `${creator} bakes bread.` })
  const move = (embeddingModel: string = OTHER.name, signal = AbortSignal.timeout(120_000)) =>
    reshard(mover, { shards: 10, embeddingModel, signal, report() {} })
  const vectorOf = async (text: string) =>
    (await stores[1]!.inference.embed([text], { model: OTHER }))[0]!
  /** The best answer to a question that is the text itself: its distance is 0 where the vector is of the same model. */
  const distanceOf = async (creator: string, text: string) => {
    const [hit] = await api.creator(creator).query({ text }, { count: 1 })
    expect(hit?.text).toBe(text)
    return hit!.distance
  }

  it('has all texts embedded by it, in every process, and nothing left of the model before', async () => {
    expect(await move()).toMatchObject({
      generation: 2,
      creators: CREATORS.length,
      copied: CREATORS.length,
      embeddingModel: OTHER.name,
    })
    for (const creator of CREATORS) {
      const { text } = sayingOf(creator)
      expect(await distanceOf(creator, text)).toBeCloseTo(0, 3)
      const own = await api.creator(creator).query({ vector: await vectorOf(text) }, { count: 1 })
      expect(own[0]?.distance).toBeCloseTo(0, 3)
    }
    const infos = await stores[0]!.chroma[0]!.collections(databaseOf(2))
    const metadata = infos.filter(({ name }) => name.includes('shard')).map(info => info.metadata)
    expect(new Set(metadata.map(info => info?.embedding_model))).toEqual(new Set([OTHER.name]))
    expect(await api.statistics()).toMatchObject({ generation: 2, dimension: 384, records: 12 })
    expect(await move()).toMatchObject({ generation: 2, copied: 0 })
  })

  it('keeps texts that are longer than it takes at once, by the vectors of their parts', async () => {
    await api.creator('long').upsert([{ id: 'a', text: LONG }])
    const before = await api.creator('long').get()
    expect(before).toHaveLength(1)
    await move()
    expect(await api.creator('long').get()).toEqual(before)
    // Of what is put in from now on the chunks are as long as it takes.
    await api.creator('long').upsert([{ id: 'b', text: LONG }])
    expect((await api.creator('long').get({ documents: ['b'] })).length).toBeGreaterThan(10)
  })

  it('embeds what came with vectors of its own anew too, which can be made again from then on', async () => {
    const vector = Array.from({ length: 768 }, (_, index) => Math.sin(index + 1))
    const text = 'Somebody else embedded this.'
    await api.creator('given').upsert([{ id: 'a', chunks: [{ text, vector }] }])
    await move()
    expect(await distanceOf('given', text)).toBeCloseTo(0, 3)
    await expect(api.creator('given').query({ vector }, { count: 1 })).rejects.toThrow(
      'A vector has 768 numbers; this store takes 384',
    )
  })

  it('has what was written while it was stopped, and goes on only to the model that it was moving to', async () => {
    const stopped = new AbortController()
    const ended = reshard(mover, {
      shards: 10,
      embeddingModel: OTHER.name,
      signal: stopped.signal,
      report: () => stopped.abort(),
    })
    await expect(ended).rejects.toThrow()
    for (const creator of CREATORS.slice(0, 6)) {
      await api.creator(creator).upsert([{ id: 'b', text: `${creator} sings.` }])
    }
    await api.creator('creator 7').clear()
    await expect(
      reshard(mover, { shards: 9, signal: AbortSignal.timeout(60_000), report() {} }),
    ).rejects.toMatchObject({
      kind: 'misused',
      mend: expect.stringContaining('--embedding-model other-embed:latest'),
    })
    await move()
    for (const [index, creator] of CREATORS.entries()) {
      const texts = (await api.creator(creator).get()).map(({ text }) => text)
      const wanted = [
        ...(index === 7 ? [] : [sayingOf(creator).text]),
        ...(index < 6 ? [`${creator} sings.`] : []),
      ]
      expect(texts.sort()).toEqual(wanted.sort())
      for (const text of wanted) expect(await distanceOf(creator, text)).toBeCloseTo(0, 3)
    }
  })

  it('goes back by another move', async () => {
    await move()
    await move('nomic-embed-text:latest')
    expect(await api.statistics()).toMatchObject({ generation: 3, dimension: 768, records: 12 })
    expect(await distanceOf('creator 3', sayingOf('creator 3').text)).toBeLessThan(0.2)
  })
})
