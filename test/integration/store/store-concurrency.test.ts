import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Creator, Hit } from '../../../checks/store/creator.ts'
import { DIMENSION, STEPS, step, TOP } from '../../support/api/staircase.ts'
import { casesOf, SEED } from '../../support/searches.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { openStore, outputsOf } from '../../support/store/deployment.ts'

const WORKER = join(import.meta.dirname, '../../support/api/staircase-worker.ts')
const READERS = 4

/** What the writer has done, and up to which step. */
type Done = [way: 'up' | 'down' | 'replaced', number: number]

describe('a creator that another process writes to', () => {
  let chroma: RunningChroma
  let store: Awaited<ReturnType<typeof openStore>>
  let creator: Creator

  beforeAll(async () => {
    chroma = await startChroma()
    const outputs = outputsOf({ chroma: [chroma.url], dimensions: DIMENSION })
    store = await openStore(outputs)
    creator = store.knowledge.creator('someone')
    await creator.upsert([step(0)])
  })
  afterAll(async () => {
    await store.close()
    await chroma.stop()
  })

  it('is always answered, with all that was acknowledged and nothing that is gone', async () => {
    const outputs = JSON.stringify(store.deployment.outputs)
    const writer = fork(WORKER, [outputs, creator.id])
    const exit = once(writer, 'exit')
    let last: Done = ['up', 0]
    let running = true
    writer.on('message', said => {
      last = said as Done
      writer.send('heard')
    })
    writer.on('exit', () => {
      running = false
    })

    const wrong: object[] = []
    let asked = 0
    const read = async () => {
      while (running) {
        const before = last
        const hits = await creator.query({ vector: TOP }, { count: 2 })
        asked += 1
        if (!isRight(hits, before, last)) wrong.push({ before, last, hits })
      }
    }
    await Promise.all(Array.from({ length: READERS }, read))
    expect(await exit).toEqual([0, null])
    expect(wrong).toEqual([])
    expect(asked).toBeGreaterThan(STEPS)
  })

  it('has each document whole, however many processes put it at the same moment', async () => {
    const others = [
      await openStore(store.deployment.outputs),
      await openStore(store.deployment.outputs),
    ]
    const writers = [store, ...others].map(({ knowledge }) => knowledge.creator('contended'))
    const [reader] = writers
    const version = (number: number, chunks: number) => ({
      id: 'document',
      metadata: { version: number, [`only-${number}`]: true },
      chunks: Array.from({ length: chunks }, (_, index) => ({
        text: `${number}: ${index} of ${chunks}`,
        vector: TOP,
      })),
    })
    const chunks = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 6 }) },
      // In several requests.
      { weight: 1, arbitrary: fc.integer({ min: 400, max: 600 }) },
    )
    const puts = fc.array(fc.record({ chunks, after: fc.nat(20) }), { minLength: 2, maxLength: 3 })
    try {
      await fc.assert(
        fc.asyncProperty(puts, async puts => {
          await Promise.all(
            puts.map(async ({ chunks, after }, number) => {
              await sleep(after)
              await writers[number]!.upsert([version(number, chunks)])
            }),
          )
          const found = await reader!.get()
          const parts = Map.groupBy(found, ({ text, metadata }) =>
            JSON.stringify([text.split(':')[0], Object.entries(metadata).sort()]),
          )
          const last = Number(found[0]?.metadata.version)
          const keys = [
            [`only-${last}`, true],
            ['version', last],
          ]
          expect([...parts].map(([part, { length }]) => [part, length])).toEqual([
            [JSON.stringify([`${last}`, keys]), puts[last]!.chunks],
          ])
        }),
        { seed: SEED, numRuns: casesOf('writers that replace one document at once') },
      )
    } finally {
      for (const other of others) await other.close()
    }
  })

  /** Whether the nearest is a step between what was done before the question and what was under way after it. */
  function isRight([hit]: Hit[], [way, before]: Done, [wayAfter, after]: Done): boolean {
    const top = Number(hit?.text)
    // It turned round.
    if (way !== wayAfter) return Number.isInteger(top)
    return way === 'down'
      ? top < before && top >= after - 2
      : top >= Math.min(before, STEPS - 2) && top <= after + 1
  }
})
