import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ChromaServer } from '../../../checks/chroma/chroma-server.ts'
import { VersionStore } from '../../../checks/store/query/write-version-store.ts'

/** A server of versions whose answers come when they are let go. */
function stallingServer() {
  const asked: { names: string[]; answer: (value: string) => void; fail: () => void }[] = []
  const get = (where: { name: { $in: string[] } }) =>
    new Promise((resolve, reject) => {
      const names = where.name.$in
      asked.push({
        names,
        answer: value =>
          resolve(names.map(name => ({ id: name, metadata: { kind: 'mark', name, value } }))),
        fail: () => reject(new Error('it stalled for too long')),
      })
    })
  const server = {
    findCollection: async () => ({ id: 'id' }),
    records: () => ({ path: 'path', get }),
  }
  return { asked, store: new VersionStore(server as unknown as ChromaServer, 'database') }
}

describe('write versions that are read together', () => {
  const valueIn = async (read: ReturnType<VersionStore['readTogether']>, name: string) =>
    (await read)?.values.get(name)
  const until = (isSo: () => boolean) => expect.poll(isSo).toBe(true)

  it('are one request for all who ask at the same moment', async () => {
    const { asked, store } = stallingServer()
    const reads = ['a', 'b'].map(name => valueIn(store.readTogether([name]), name))
    await until(() => asked.length === 1)
    asked[0]!.answer('first')
    expect(asked[0]!.names).toEqual(['a', 'b'])
    expect(await Promise.all(reads)).toEqual(['first', 'first'])
  })

  it('are answered though an answer before them stalls', async () => {
    const { asked, store } = stallingServer()
    const stalled = valueIn(store.readTogether(['a']), 'a')
    await until(() => asked.length === 1)
    for (const value of ['second', 'third']) {
      const read = valueIn(store.readTogether(['a']), 'a')
      await until(() => asked.length > 1)
      asked.pop()!.answer(value)
      expect(await read).toBe(value)
    }
    asked[0]!.fail()
    await expect(stalled).rejects.toThrow('stalled')
  })

  it('are never those of a request that was under way when they were asked for', async () => {
    const { asked, store } = stallingServer()
    const before = valueIn(store.readTogether(['a']), 'a')
    await until(() => asked.length === 1)
    const after = valueIn(store.readTogether(['a']), 'a')
    asked[0]!.answer('before the write')
    expect(await before).toBe('before the write')
    await until(() => asked.length === 2)
    asked[1]!.answer('after the write')
    expect(await after).toBe('after the write')
  })

  it('take few connections when all answers stall, and the first that comes lets the next go', async () => {
    const { asked, store } = stallingServer()
    const reads: Promise<unknown>[] = []
    for (let count = 0; count < 8; count += 1) {
      reads.push(store.readTogether(['a']))
      await sleep(60)
    }
    expect(asked).toHaveLength(4)
    asked[2]!.answer('first')
    await until(() => asked.length === 5)
    // All who came meanwhile are answered by this one.
    asked[4]!.answer('second')
    expect(await valueIn(reads.at(-1) as ReturnType<VersionStore['readTogether']>, 'a')).toBe(
      'second',
    )
  })
})
