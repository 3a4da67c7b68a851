import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Creator, Hit } from '../../checks/knowledge/creator.ts'
import { type RunningChroma, startChroma } from '../support/chroma.ts'
import { openStore, outputsOf } from '../support/deployment.ts'
import { DIMENSION, STEPS, step, TOP } from '../support/staircase.ts'

const WORKER = join(import.meta.dirname, '../support/staircase-worker.ts')
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
