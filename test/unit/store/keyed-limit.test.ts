import { describe, expect, it } from 'vitest'
import { KeyedLimit } from '../../../checks/store/scope/keyed-limit.ts'

describe('the limit of a key', () => {
  /** Work that ends when it is told to, with what was begun so far. */
  function works() {
    const begun: string[] = []
    const ends = new Map<string, () => void>()
    const work = (name: string) => () => {
      begun.push(name)
      return new Promise<string>(resolve => ends.set(name, () => resolve(name)))
    }
    return { begun, work, end: (name: string) => ends.get(name)!() }
  }
  const settle = () => new Promise(setImmediate)

  it('lets so much be under way at once, the rest in its order, and other keys beside it', async () => {
    const limit = new KeyedLimit(2)
    const { begun, work, end } = works()
    const all = ['a1', 'a2', 'a3', 'a4', 'b1'].map(name => limit.run(name[0]!, work(name)))
    await settle()
    expect(begun).toEqual(['a1', 'a2', 'b1'])
    end('a2')
    await settle()
    expect(begun).toEqual(['a1', 'a2', 'b1', 'a3'])
    for (const name of ['a1', 'a3', 'b1']) end(name)
    await settle()
    end('a4')
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'a4', 'b1'])
    expect(limit.size).toBe(0)
  })

  it('lets go of who gives up while waiting, and never begins that work', async () => {
    const limit = new KeyedLimit(1)
    const { begun, work, end } = works()
    const stop = new AbortController()
    const first = limit.run('a', work('first'))
    const given = limit.run('a', work('given up'), stop.signal)
    const last = limit.run('a', work('last'))
    stop.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    end('first')
    await first
    await settle()
    end('last')
    await last
    expect(begun).toEqual(['first', 'last'])
    expect(limit.size).toBe(0)
  })

  it('goes on after work that failed', async () => {
    const limit = new KeyedLimit(1)
    const failing = limit.run('a', () => Promise.reject(new Error('no')))
    const next = limit.run('a', async () => 'done')
    await expect(failing).rejects.toThrow('no')
    expect(await next).toBe('done')
  })
})
