import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { BodyTurns } from '../../../checks/api/traffic/body-turns.ts'

/** Keeps the process busy. */
function compute(millis: number): void {
  const until = performance.now() + millis
  while (performance.now() < until);
}

describe('what cannot be interrupted', () => {
  it('is done one after another, callers in turn', async () => {
    const turns = new BodyTurns()
    const done: string[] = []
    turns.add('first', () => {
      for (const caller of ['a', 'a', 'a', 'b', 'b', 'c'])
        turns.add(caller, () => done.push(caller))
    })
    expect(done).toEqual([])
    while (done.length < 6) await sleep(1)
    expect(done.join('')).toBe('abcaba')
  })

  it('leaves as much time to everything else as it takes', async () => {
    const turns = new BodyTurns()
    const times: [start: number, end: number][] = []
    const work = () => {
      const start = performance.now()
      compute(30)
      times.push([start, performance.now()])
    }
    for (let count = 0; count < 3; count += 1) turns.add('a', work)
    while (times.length < 3) await sleep(1)
    const pauses = times.slice(1).map(([start], index) => start - times[index]![1])
    for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(25)
  })

  it('is done at once again after there was nothing to do', async () => {
    const turns = new BodyTurns()
    const done: string[] = []
    turns.add('a', () => done.push('a'))
    expect(done).toEqual(['a'])
    await sleep(20)
    turns.add('b', () => done.push('b'))
    expect(done).toEqual(['a', 'b'])
  })
})
