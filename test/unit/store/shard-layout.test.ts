import { describe, expect, it } from 'vitest'
import { parseLayout } from '../../../checks/store/shards/shard-layout.ts'

const LAYOUT = {
  version: 2,
  instance: 1,
  collection: '0b4dbd0e-8a0e-4f0c-9a58-0d7c9b5f5e2a',
  name: 'knowledge_shard_3',
}

describe('a recorded layout', () => {
  it.each([
    ['as it is written', LAYOUT],
    ['with what a later version adds', { ...LAYOUT, state: 'new' }],
  ])('is read: one %s', (_, recorded) => {
    expect(parseLayout(3, JSON.stringify(recorded))).toEqual(LAYOUT)
  })

  it.each([
    ['is no JSON', 'knowledge_shard_3'],
    ['has no version', JSON.stringify({ ...LAYOUT, version: undefined })],
    ['counts versions from 0', JSON.stringify({ ...LAYOUT, version: 0 })],
    ['names no server', JSON.stringify({ ...LAYOUT, instance: -1 })],
    ['names a collection by no UUID', JSON.stringify({ ...LAYOUT, collection: LAYOUT.name })],
  ])('is refused with its shard and value when it %s', (_, value) => {
    expect(() => parseLayout(3, value)).toThrow(
      `What is recorded as the layout of shard 3 is none: ${value}`,
    )
  })
})
