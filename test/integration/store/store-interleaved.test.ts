import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import type { Fetch } from '../../../checks/transport/connection.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 8
const isAnnouncement = (body: string) => body.includes('"kind":"writing"')
const documentOf = (id: string, text: string, count = 1) => ({
  id,
  chunks: Array.from({ length: count }, (_, index) => {
    const own = count === 1 ? text : `${text} ${index}`
    return { text: own, vector: vectorFor(own, DIMENSION) }
  }),
})

describe('two processes that write one creator, of whom one is killed', () => {
  let chroma: RunningChroma
  const stores: ConnectedDeployment[] = []

  beforeAll(async () => {
    chroma = await startChroma()
  })
  afterAll(async () => {
    await Promise.all(stores.map(store => store.close()))
    await chroma.stop()
  })

  async function open(
    creator: string,
    before: (url: string, body: string) => Promise<void> = async () => {},
  ) {
    const outputs = outputsOf({ chroma: [chroma.url], dimensions: DIMENSION })
    const watched: Fetch = async (url, init) => {
      await before(String(url), String(init?.body))
      return fetch(url, init)
    }
    const store = await openDeployment(outputs, { fetch: watched })
    stores.push(store)
    return store.knowledge().creator(creator)
  }

  /** A writer that is killed after its records are in: its last announcement never comes to Chroma. */
  async function openDying(creator: string) {
    const announced = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const killed = Promise.withResolvers<void>()
    let isIn = false
    const dying = await open(creator, async (url, body) => {
      if (url.endsWith('/add') && !isAnnouncement(body)) {
        announced.resolve()
        await gate.promise
        isIn = true
      } else if (isIn && body.includes('"kind":"mark"')) {
        killed.resolve()
        await new Promise(() => {})
      }
    })
    return { dying, announced: announced.promise, goOn: gate.resolve, killed: killed.promise }
  }

  async function expectNothingKept(
    reader: Creator,
    { goOn, killed }: Pick<Awaited<ReturnType<typeof openDying>>, 'goOn' | 'killed'>,
  ): Promise<void> {
    const texts = async () =>
      (await reader.query({ vector: vectorFor('x', DIMENSION) })).map(({ text }) => text).sort()
    expect(await texts()).toEqual(['beside', 'old'])
    goOn()
    await killed
    const [chunk] = await reader.get({ documents: ['one'] })
    expect(chunk?.text).toBe('new')
    expect(await texts()).toEqual(['beside', 'new'])
  }

  it('never let a reader keep what was read while one of them begins as the other ends', async () => {
    const reader = await open('ada')
    const { dying, announced, ...end } = await openDying('ada')
    let marks = 0
    // The other ends its write: between its look at the marks and its last announcement the one announces itself.
    const other = await open('ada', async (url, body) => {
      if (!(url.endsWith('/upsert') && body.includes('"kind":"mark"'))) return
      marks += 1
      if (marks !== 2) return
      void dying.upsert([documentOf('one', 'new')])
      await announced
    })
    await other.upsert([documentOf('one', 'old')])
    await other.upsert([documentOf('two', 'beside')])
    await expectNothingKept(reader, end)
  })

  it('never let a reader keep what was read while one goes on that began before the other', async () => {
    const reader = await open('eve')
    const other = await open('eve')
    const { dying, announced, ...end } = await openDying('eve')
    await other.upsert([documentOf('one', 'old')])
    void dying.upsert([documentOf('one', 'new')])
    await announced
    // Begins later and ends earlier.
    await other.upsert([documentOf('two', 'beside')])
    await expectNothingKept(reader, end)
  })

  it('leave no part of a document to be found that the other deleted meanwhile', async () => {
    const reader = await open('bob')
    await reader.upsert([documentOf('standing', 'standing', 150)])
    const last = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const killed = Promise.withResolvers<void>()
    let adds = 0
    const dying = await open('bob', async (url, body) => {
      if (url.endsWith('/add') && !isAnnouncement(body)) {
        adds += 1
        if (adds < 3) return
        last.resolve()
        await go.promise
      } else if (adds === 3) {
        killed.resolve()
        await new Promise(() => {})
      }
    })
    void dying.upsert([documentOf('one', 'one', 650)])
    await last.promise
    await reader.delete({ documents: ['one'] })
    go.resolve()
    await killed.promise
    expect(await reader.count({ documents: ['one'] })).toBe(0)
    const hits = await reader.query({ vector: vectorFor('one 0', DIMENSION) }, { count: 100 })
    expect(hits.filter(({ document }) => document === 'one')).toEqual([])
  })

  it('leave none either when the delete had listed it before it was whole, and goes on after it was', async () => {
    const reader = await open('dan')
    await reader.upsert([documentOf('standing', 'standing', 150)])
    const last = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    let adds = 0
    const writer = await open('dan', async (url, body) => {
      if (!url.endsWith('/add') || isAnnouncement(body)) return
      adds += 1
      if (adds < 3) return
      last.resolve()
      await go.promise
    })
    const listed = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const deleter = await open('dan', async (url, body) => {
      if (!url.endsWith('/delete') || !body.includes('creator_id')) return
      listed.resolve()
      await release.promise
    })
    const writing = writer.upsert([documentOf('one', 'one', 650)])
    await last.promise
    const deleting = deleter.delete({ documents: ['one'] })
    await listed.promise
    go.resolve()
    await writing
    const ask = async () => {
      const hits = await reader.query({ vector: vectorFor('one 649', DIMENSION) }, { count: 100 })
      return hits.filter(({ document }) => document === 'one').length
    }
    expect(await ask()).toBeGreaterThan(0)
    release.resolve()
    await deleting
    expect(await reader.count({ documents: ['one'] })).toBe(0)
    expect(await ask()).toBe(0)
  })

  it('hide no document from who asks the server while it is replaced twice', async () => {
    const other = await open('flo')
    const put = (text: string) => other.upsert([{ ...documentOf('one', text), metadata: { n: 1 } }])
    let isAsked = false
    const reader = await open('flo', async (url, body) => {
      const isLookedUp = url.endsWith('/get') && body.includes('"ids"') && body.includes('embed')
      if (!isAsked || !isLookedUp) return
      isAsked = false
      await put('third')
    })
    const ask = async () => {
      const filter = { n: { $gt: 0.5 } }
      const hits = await reader.query({ vector: vectorFor('x', DIMENSION) }, { filter })
      return hits.map(({ text }) => text)
    }
    await put('first')
    expect(await ask()).toEqual(['first'])
    await put('second')
    isAsked = true
    expect(await ask()).toEqual(['third'])
    expect(isAsked).toBe(false)
  })
})
