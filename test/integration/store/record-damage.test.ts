import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { NewRecord } from '../../../checks/chroma/chroma-records.ts'
import { fileWaste } from '../../../checks/chroma-files/file-waste.ts'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { diagnose, type Treatment } from '../../../checks/damage/doctor.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { CreatorId } from '../../../checks/store/creator-id.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { recordId } from '../../../checks/store/records/record-id.ts'
import { EVERYTHING } from '../../../checks/store/shards/creators-records.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 16
const SHARDS = 5
const signal = new AbortController().signal

const documentOf = (id: string, text: string, chunks = 2) => ({
  id,
  chunks: Array.from({ length: chunks }, (_, index) => ({
    text: `${text} ${index}`,
    vector: vectorFor(`${text} ${index}`, DIMENSION),
  })),
})

describe('records that are not as the store writes them', () => {
  let chroma: RunningChroma
  let store: ConnectedDeployment
  let knowledge: Knowledge

  beforeAll(async () => {
    chroma = await startChroma()
  })
  afterAll(() => chroma.stop())
  beforeEach(async () => {
    const outputs = outputsOf({ chroma: [chroma.url], dimensions: DIMENSION, shards: SHARDS })
    store = await openDeployment(outputs)
    knowledge = store.knowledge()
    for (const id of ['ada', 'bob', 'cleo']) {
      await knowledge.creator(id).upsert([documentOf('a', `${id} a`), documentOf('b', `${id} b`)])
    }
  })
  afterEach(async () => {
    for (const server of store.chroma) {
      for (const name of await server.databases()) {
        if (name !== 'default_database') await server.deleteDatabase(name)
      }
    }
    await store.close()
  })

  const treat = async (more: Partial<Treatment> = {}) =>
    diagnose(knowledge, {
      fix: false,
      embedUnknown: false,
      deleteForeign: false,
      mayRebuild: true,
      signal,
      report() {},
      ...more,
    })
  const sum = (
    found: Awaited<ReturnType<typeof treat>>,
    key: 'foreign' | 'mislabelled' | 'misplaced' | 'dead' | 'relabelled' | 'replaced' | 'deleted',
  ) => found.reduce((all, shard) => all + shard[key], 0)
  const recordsOf = (shard: number) => knowledge.shards.open(shard, signal)
  const textsOf = async (id: string) => (await knowledge.creator(id).get()).map(({ text }) => text)
  const shardOf = (id: string) => knowledge.shards.of(id as CreatorId)
  const own = async (id: string) => {
    const records = await recordsOf(shardOf(id))
    return records.get({ creator_id: { $eq: id } }, { include: EVERYTHING }, signal)
  }

  it('are none where nobody wrote past it', async () => {
    const found = await treat()
    expect(found.every(({ sound }) => sound)).toBe(true)
    expect(
      found.map(
        ({ foreign, mislabelled, misplaced, dead }) => foreign + mislabelled + misplaced + dead,
      ),
    ).toEqual(found.map(() => 0))
  })

  it('are found in the wrong shard, and put into that of their creator, where they are found again', async () => {
    const all = (await own('ada')) as NewRecord[]
    const before = await textsOf('ada')
    const wrong = (shardOf('ada') + 1) % SHARDS
    await (await recordsOf(shardOf('ada'))).delete(
      { creator_id: { $eq: 'ada' } },
      all.map(({ id }) => id),
      signal,
    )
    await (await recordsOf(wrong)).add(all, signal)
    const other = (await openDeployment(store.outputs)).knowledge()
    expect(await other.creator('ada').count()).toBe(0)
    const found = await treat()
    expect(sum(found, 'misplaced')).toBe(4)
    expect(found.every(({ sound }) => sound)).toBe(false)
    const mended = await treat({ fix: true })
    expect(sum(mended, 'replaced')).toBe(4)
    expect(mended.every(({ sound }) => sound)).toBe(true)
    expect((await textsOf('ada')).sort()).toEqual(before.sort())
    expect(await other.creator('ada').count()).toBe(4)
    expect(sum(await treat(), 'misplaced')).toBe(0)
  })

  it('are found without their metadata, which their ids say too', async () => {
    const before = await textsOf('bob')
    const [first, ...rest] = (await own('bob')) as NewRecord[]
    const records = await recordsOf(shardOf('bob'))
    const stripped = { creator_id: null, created_at: null, chunk_index: 7 }
    await records.upsert([{ ...first!, metadata: stripped }], signal)
    expect(rest).not.toEqual([])
    expect(sum(await treat(), 'mislabelled')).toBe(1)
    const mended = await treat({ fix: true })
    expect(sum(mended, 'relabelled')).toBe(1)
    expect((await textsOf('bob')).sort()).toEqual(before.sort())
    expect((await treat()).every(({ sound }) => sound)).toBe(true)
  })

  it('are told where nobody can say whose they are, and deleted when that is asked for', async () => {
    const records = await recordsOf(shardOf('cleo'))
    const vector = vectorFor('somebody', DIMENSION)
    await records.add(
      [{ id: 'of somebody else', text: 'hello', vector, metadata: { a: 1 } }],
      signal,
    )
    for (const fix of [false, true]) {
      const found = await treat({ fix })
      expect(sum(found, 'foreign')).toBe(1)
      expect(found.flatMap(({ foreignIds }) => foreignIds)).toEqual(['of somebody else'])
      expect(found.every(({ sound }) => sound)).toBe(false)
    }
    const mended = await treat({ fix: true, deleteForeign: true })
    expect([sum(mended, 'deleted'), sum(mended, 'foreign')]).toEqual([1, 0])
    expect((await treat()).every(({ sound }) => sound)).toBe(true)
    expect(await textsOf('cleo')).toHaveLength(4)
  })

  it('are left out when killed writers have left many, by a shard that is built anew while it is written', async () => {
    const records = await recordsOf(shardOf('ada'))
    // As a writer leaves them that was killed before the last chunk.
    const version = { sequence: 9, tag: 'killed', count: 1600 }
    const torn = Array.from({ length: 1599 }, (_, index) => ({
      id: recordId('ada' as CreatorId, 'torn', version, index + 1),
      text: `torn ${index}`,
      vector: vectorFor(`torn ${index}`, DIMENSION),
      metadata: { creator_id: 'ada', document_id: 'torn', chunk_index: index + 1, created_at: 1 },
    }))
    await records.add(torn, signal)
    const dead = sum(await treat(), 'dead')
    expect(dead).toBe(1599)
    let isOver = false
    let written = 0
    const writing = (async () => {
      for (; !isOver; written += 1) {
        await knowledge.creator('ada').upsert([documentOf('w', `round ${written}`, 1)])
      }
    })()
    const indexed = new Map(
      (await fileWaste(chroma.data)).indexes.map(each => [each.collection, each.records]),
    )
    expect([...indexed.values()].some(records => records >= 1000)).toBe(true)
    const mended = await treat({ fix: true, indexed })
    isOver = true
    await writing
    expect(mended.filter(({ rebuilt }) => rebuilt)).toHaveLength(1)
    expect(sum(await treat(), 'dead')).toBeLessThan(10)
    expect(await textsOf('ada')).toContain(`round ${written - 1} 0`)
    expect(await textsOf('ada')).toHaveLength(5)
  })
})
