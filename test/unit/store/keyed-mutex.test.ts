import { describe, expect, it } from 'vitest'
import { KeyedMutex } from '../../../checks/store/scope/keyed-mutex.ts'

describe('turns', () => {
  const done: string[] = []
  /** Work that takes some rounds of the event loop, and notes when it begins and ends. */
  const work = (name: string) => async () => {
    done.push(`${name} begins`)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    done.push(`${name} ends`)
  }

  it('let the work of several keys wait for each of them, and later work for it', async () => {
    const turns = new KeyedMutex()
    done.length = 0
    await Promise.all([
      turns.runExclusive('a', work('first')),
      turns.runExclusiveForAll(['a', 'b'], work('both')),
      turns.runExclusive('b', work('last')),
    ])
    expect(done).toEqual(
      ['first', 'both', 'last'].flatMap(name => [`${name} begins`, `${name} ends`]),
    )
  })

  it('do not block each other when two name the same keys in another order', async () => {
    const turns = new KeyedMutex()
    done.length = 0
    await Promise.all([
      turns.runExclusiveForAll(['a', 'b'], work('one')),
      turns.runExclusiveForAll(['b', 'a'], work('other')),
    ])
    expect(done).toHaveLength(4)
  })

  it('let go of who gives up, and of what it holds, and keep the order of the others', async () => {
    const turns = new KeyedMutex()
    done.length = 0
    const stop = new AbortController()
    const first = turns.runExclusive('a', work('first'))
    const given = turns.runExclusiveForAll(['a', 'b'], work('given up'), stop.signal)
    const last = turns.runExclusiveForAll(['b', 'a'], work('last'))
    stop.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    expect(done).not.toContain('first ends')
    await Promise.all([first, last])
    expect(done).toEqual(['first', 'last'].flatMap(name => [`${name} begins`, `${name} ends`]))
    await expect(turns.runExclusive('a', work('late'), stop.signal)).rejects.toThrow('enough')
  })

  it('go on after work that failed', async () => {
    const turns = new KeyedMutex()
    const failing = turns.runExclusiveForAll(['a', 'b'], () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    expect(await turns.runExclusive('b', async () => 'done')).toBe('done')
  })
})
