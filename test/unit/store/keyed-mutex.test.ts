import { describe, expect, it } from 'vitest'
import { KeyedMutex } from '../../../checks/store/scope/keyed-mutex.ts'

describe('the mutex of a key', () => {
  const done: string[] = []
  /** Work that takes some rounds of the event loop, and notes when it begins and ends. */
  const work = (name: string) => async () => {
    done.push(`${name} begins`)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    done.push(`${name} ends`)
  }

  it('let the work of several keys wait for each of them, and later work for it', async () => {
    const mutex = new KeyedMutex()
    done.length = 0
    await Promise.all([
      mutex.runExclusive('a', work('first')),
      mutex.runExclusiveForAll(['a', 'b'], work('both')),
      mutex.runExclusive('b', work('last')),
    ])
    expect(done).toEqual(
      ['first', 'both', 'last'].flatMap(name => [`${name} begins`, `${name} ends`]),
    )
  })

  it('do not block each other when two name the same keys in another order', async () => {
    const mutex = new KeyedMutex()
    done.length = 0
    await Promise.all([
      mutex.runExclusiveForAll(['a', 'b'], work('one')),
      mutex.runExclusiveForAll(['b', 'a'], work('other')),
    ])
    expect(done).toHaveLength(4)
  })

  it('let go of who gives up, and of what it holds, and keep the order of the others', async () => {
    const mutex = new KeyedMutex()
    done.length = 0
    const stop = new AbortController()
    const first = mutex.runExclusive('a', work('first'))
    const given = mutex.runExclusiveForAll(['a', 'b'], work('given up'), stop.signal)
    const last = mutex.runExclusiveForAll(['b', 'a'], work('last'))
    stop.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    expect(done).not.toContain('first ends')
    await Promise.all([first, last])
    expect(done).toEqual(['first', 'last'].flatMap(name => [`${name} begins`, `${name} ends`]))
    await expect(mutex.runExclusive('a', work('late'), stop.signal)).rejects.toThrow('enough')
  })

  it('go on after work that failed', async () => {
    const mutex = new KeyedMutex()
    const failing = mutex.runExclusiveForAll(['a', 'b'], () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    expect(await mutex.runExclusive('b', async () => 'done')).toBe('done')
  })
})
