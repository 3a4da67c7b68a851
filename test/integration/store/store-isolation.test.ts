import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import type { Filter } from '../../../checks/store/filter/filter.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { Failure } from '../../../infra/failure.ts'
import { HOSTILE_CREATORS, hostileFilter, validId } from '../../support/api/hostile.ts'
import { casesOf, SEED } from '../../support/searches.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { openStore, outputsOf } from '../../support/store/deployment.ts'

/** Hostile calls in all. */
const CASES = casesOf('hostile calls of the store')
/** Calls that are under way together: the servers of a small machine are busy with as many. */
const TOGETHER = 50
/** Few shards, so that many creators share one; few dimensions, since directions do not matter here. */
const SHARDS = 5
const DIMENSION = 8
const TOPICS = ['tea', 'coffee']

describe('no creator ever meets what is another creator’s', () => {
  let chroma: RunningChroma
  let store: Awaited<ReturnType<typeof openStore>>
  let knowledge: Knowledge

  beforeAll(async () => {
    chroma = await startChroma()
    store = await openStore(
      outputsOf({ chroma: [chroma.url], shards: SHARDS, dimensions: DIMENSION }),
    )
    knowledge = store.knowledge
    for (const id of HOSTILE_CREATORS) await write(knowledge.creator(id), [...HOSTILE_CREATORS])
  })
  afterAll(async () => {
    await store.close()
    await chroma.stop()
  })

  /** Documents named like other creators. Every text is the id of the creator it belongs to, as JSON: no U+0000 in it. */
  const documents = (creator: string, names: string[]) =>
    names.map((id, rank) => ({
      id,
      metadata: { topic: TOPICS[rank % 2]!, rank: rank % 4 },
      chunks: [{ text: JSON.stringify(creator), vector: vectorFor(id, DIMENSION) }],
    }))
  const write = (creator: Creator, names: string[]) => creator.upsert(documents(creator.id, names))

  it('asking: whatever the filter, the document or the vector', async () => {
    let refused = 0
    const one = async ([id, way, filter, name]: Asked) => {
      const creator = knowledge.creator(id)
      const selection = { filter: filter as Filter }
      const vector = vectorFor(name, DIMENSION)
      const ways = {
        get: () => creator.get(selection),
        getDocument: () => creator.get({ documents: [name] }),
        query: () => creator.query({ vector }, { ...selection, count: 100 }),
        queryDocument: () => creator.query({ vector }, { documents: [name], count: 100 }),
        queryAll: () => creator.query({ vector }, { count: 100 }),
      }
      try {
        const found = await ways[way]()
        const call = JSON.stringify([id, way, filter, name])
        expect(
          found.filter(({ text }) => text !== JSON.stringify(id)),
          call,
        ).toEqual([])
        if (way === 'queryAll') expect(found).toHaveLength(HOSTILE_CREATORS.length)
      } catch (error) {
        // Refused before anything is sent: the filter is not valid.
        if (!(error instanceof Failure && error.message.startsWith('The filter is refused')))
          throw error
        refused += 1
      }
    }
    type Asked = [
      string,
      'get' | 'getDocument' | 'query' | 'queryDocument' | 'queryAll',
      unknown,
      string,
    ]
    const asked: fc.Arbitrary<Asked> = fc.tuple(
      fc.constantFrom(...HOSTILE_CREATORS),
      fc.constantFrom('get', 'getDocument', 'query', 'queryDocument', 'queryAll'),
      hostileFilter,
      fc.constantFrom(...HOSTILE_CREATORS, 'nothing'),
    )
    const together = fc.array(asked, { minLength: TOGETHER, maxLength: TOGETHER })
    await fc.assert(
      fc.asyncProperty(together, async cases => {
        await Promise.all(cases.map(one))
      }),
      // The failing call is named: looking for a smaller one among 50 would take minutes.
      { seed: SEED, numRuns: Math.ceil(CASES / TOGETHER), endOnFailure: true },
    )
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThan(CASES)
  })

  it('writing and deleting: whatever the ids and the filter', async () => {
    const act = fc.oneof(
      fc.record({
        write: fc.uniqueArray(fc.oneof(validId, fc.constantFrom(...HOSTILE_CREATORS)), {
          minLength: 1,
          maxLength: 4,
        }),
      }),
      fc.record({
        // Of two creators at once, with documents of each other's names.
        load: fc.uniqueArray(fc.constantFrom(...HOSTILE_CREATORS), { minLength: 1, maxLength: 4 }),
        with: fc.integer({ min: 0, max: HOSTILE_CREATORS.length }),
      }),
      fc.record({
        remove: fc.uniqueArray(fc.constantFrom(...HOSTILE_CREATORS), {
          minLength: 1,
          maxLength: 4,
        }),
      }),
      fc.record({ filter: hostileFilter }),
    )
    type Act = typeof act extends fc.Arbitrary<infer T> ? T : never
    const victims = HOSTILE_CREATORS.filter((_, index) => index % 2 === 0).map(id =>
      knowledge.creator(id),
    )
    const attackers = HOSTILE_CREATORS.filter((_, index) => index % 2 === 1)
    const seen = () => Promise.all(victims.map(victim => victim.get()))
    const before = await seen()
    const one = async ([id, act]: [string, Act]) => {
      const creator = knowledge.creator(id)
      try {
        if ('write' in act) await write(creator, act.write)
        else if ('load' in act) {
          const both = [id, attackers[act.with % attackers.length]!]
          await knowledge.upsert(new Map(both.map(one => [one, documents(one, act.load)])))
        } else if ('remove' in act) await creator.delete({ documents: act.remove })
        else await creator.delete({ filter: act.filter as Filter })
      } catch (error) {
        if (!(error instanceof Failure && error.message.startsWith('The filter is refused')))
          throw error
      }
    }
    const each = fc.array(fc.tuple(fc.constantFrom(...attackers), act), {
      minLength: TOGETHER,
      maxLength: TOGETHER,
    })
    await fc.assert(
      fc.asyncProperty(each, async acts => {
        await Promise.all(acts.map(one))
      }),
      { seed: SEED, numRuns: Math.ceil(CASES / 10 / TOGETHER), endOnFailure: true },
    )
    expect(await seen()).toEqual(before)
  })
})
