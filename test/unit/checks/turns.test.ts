import { describe, expect, it } from 'vitest'
import { Turns } from '../../../checks/knowledge/turns.ts'

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
    const turns = new Turns()
    done.length = 0
    await Promise.all([
      turns.take('a', work('first')),
      turns.takeAll(['a', 'b'], work('both')),
      turns.take('b', work('last')),
    ])
    expect(done).toEqual(
      ['first', 'both', 'last'].flatMap(name => [`${name} begins`, `${name} ends`]),
    )
  })

  it('do not block each other when two name the same keys in another order', async () => {
    const turns = new Turns()
    done.length = 0
    await Promise.all([
      turns.takeAll(['a', 'b'], work('one')),
      turns.takeAll(['b', 'a'], work('other')),
    ])
    expect(done).toHaveLength(4)
  })

  it('go on after work that failed', async () => {
    const turns = new Turns()
    const failing = turns.takeAll(['a', 'b'], () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    expect(await turns.take('b', async () => 'done')).toBe('done')
  })
})
