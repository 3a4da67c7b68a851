import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Connection } from '../../../checks/transport/connection.ts'
import { KiB } from '../../../infra/units.ts'

const CALLS = 20_000
/** What one call kept in a long-lived signal was about 270 bytes before. */
const KEPT = 30

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

describe('a signal that outlives many calls', () => {
  const connection = new Connection('Chroma', 'http://127.0.0.1:9', {
    maxConnections: 1,
    fetch: async () => new Response('{}'),
  })
  const { signal } = new AbortController()
  const call = { deadline: 60_000, repeatable: true, signal }

  it('keeps nothing of those that are over', async () => {
    const ask = async () => {
      for (let count = 0; count < CALLS; count += 1) await connection.json('/', z.unknown(), call)
    }
    const heap = () => {
      collectGarbage()
      return process.memoryUsage().heapUsed
    }
    await ask()
    const before = heap()
    await ask()
    expect((heap() - before) / KiB).toBeLessThan((CALLS * KEPT) / KiB)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('lets go of a call whose answer nobody reads to its end, once its time is over', async () => {
    await connection.fetchFor({ ...call, deadline: 20 })('http://127.0.0.1:9/')
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await expect.poll(() => getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
