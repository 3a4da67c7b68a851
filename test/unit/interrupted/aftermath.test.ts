import { describe, expect, it } from 'vitest'
import { upAndDown } from '../../support/interrupted/aftermath.ts'
import type { Subject } from '../../support/interrupted/subject.ts'

const UP = { running: ['container chroma-0', 'container api'], data: ['volume chroma-0 1'] }

/** A stack whose commands end so, and which is found so after each. */
function faultsOf(found: {
  codes?: [up: number, down: number]
  running?: string[]
  left?: string[]
  lost?: string[]
  data?: string[]
}): Promise<string[]> {
  const [up, down] = found.codes ?? [0, 0]
  let isDown = false
  const run = async (command: string) => {
    isDown = command === 'down'
    return { code: isDown ? down : up, stdout: '', stderr: `${command} says so` }
  }
  const subject = {
    stack: { run },
    isUp: ({ code }) => code === 0,
    lost: async () => found.lost ?? [],
    running: async () => (isDown ? (found.left ?? []) : (found.running ?? UP.running)),
    data: async () => found.data ?? UP.data,
  } as Subject
  return upAndDown(subject, UP).then(({ faults }) => faults)
}

describe('what came of an interrupted update', () => {
  it('is nothing wrong where the stack comes up as it was, and goes down with its data', async () => {
    expect(await faultsOf({})).toEqual([])
  })

  it.each([
    [
      'an up that fails',
      { codes: [3, 0] as [number, number] },
      'dead end: up ended with 3: up says so',
    ],
    [
      'a down that fails',
      { codes: [0, 3] as [number, number] },
      'dead end: down ended with 3: down says so',
    ],
    ['a record that is gone', { lost: ['before-0'] }, 'lost: before-0'],
    [
      'a second server beside the first',
      { running: [...UP.running, 'container chroma-0'] },
      'too much while it is up: container chroma-0',
    ],
    [
      'a server that is not there',
      { running: ['container api'] },
      'not there while it is up: container chroma-0',
    ],
    ['what runs on', { left: ['container api'] }, 'too much after down: container api'],
  ])('is told of %s', async (_, found, fault) => {
    expect(await faultsOf(found)).toEqual([fault])
  })

  it('is told of a volume that was made anew', async () => {
    expect(await faultsOf({ data: ['volume chroma-0 2'] })).toEqual([
      'too much after down: volume chroma-0 2',
      'not there after down: volume chroma-0 1',
    ])
  })
})
