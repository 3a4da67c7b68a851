import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeSource, type ModelSource } from '../../../infra/settings/model-definition.ts'
import type { LockEntry } from '../../../provision/models/lock-entry.ts'
import {
  expectedFrom,
  type Identity,
  isSame,
  readLocks,
  recognise,
  TRACKED_LOCK,
  writeLock,
} from '../../../provision/models/locks.ts'

const MODEL = 'tiny:1b'
const library: ModelSource = { kind: 'library' }
const mirror: ModelSource = { kind: 'mirror', host: 'mirror:5000', namespace: 'library' }
const folder: ModelSource = { kind: 'folder', path: '/weights' }

const weights = (fill: string) => `sha256:${fill.repeat(64)}`

const entry = (fill: string): LockEntry => ({
  digest: fill.repeat(64),
  sizeBytes: 10,
  layers: [
    { mediaType: 'application/vnd.ollama.image.model', digest: weights(fill), size: 9 },
    { mediaType: 'application/vnd.ollama.image.params', digest: weights('9'), size: 1 },
  ],
})

const locksOf = (
  tracked: [ModelSource, LockEntry][],
  recorded: [ModelSource, LockEntry][] = [],
) => {
  const file = (entries: [ModelSource, LockEntry][]) => ({
    [MODEL]: Object.fromEntries(entries.map(([source, held]) => [describeSource(source), held])),
  })
  return { tracked: file(tracked), recorded: file(recorded), recordFile: '/state/models.lock.json' }
}

describe('what a model is held to', () => {
  it('is the tracked lock before what this machine recorded', () => {
    const locks = locksOf([[library, entry('a')]], [[library, entry('b')]])
    expect(expectedFrom(library, MODEL, locks)).toEqual({ entry: entry('a'), by: 'lock' })
  })

  it('is what this machine recorded where the lock has nothing', () => {
    const locks = locksOf([], [[library, entry('b')]])
    expect(expectedFrom(library, MODEL, locks)).toEqual({ entry: entry('b'), by: 'recorded' })
  })

  it('is the library for a mirror of it', () => {
    const locks = locksOf([[library, entry('a')]])
    expect(expectedFrom(mirror, MODEL, locks)?.entry).toEqual(entry('a'))
  })

  it('is nothing for a source that nobody has seen', () => {
    const locks = locksOf([[library, entry('a')]])
    expect(expectedFrom(folder, MODEL, locks)).toBeUndefined()
    expect(expectedFrom(library, 'other:1b', locks)).toBeUndefined()
  })
})

describe('recognising a model', () => {
  const seen = (changes: Partial<Identity> = {}): Identity => ({
    digest: 'a'.repeat(64),
    layers: entry('a').layers,
    weights: [weights('a')],
    ...changes,
  })

  it('takes the digest of the manifest', () => {
    expect(isSame(entry('a'), seen(), library)).toBe(true)
    expect(isSame(entry('b'), seen(), library)).toBe(false)
  })

  it('takes the weights of an import alone where the store cannot be read', () => {
    const unread = seen({ digest: 'f'.repeat(64), layers: [] })
    expect(isSame(entry('a'), unread, folder)).toBe(true)
    expect(isSame(entry('b'), unread, folder)).toBe(false)
    expect(isSame(entry('a'), unread, library)).toBe(false)
  })

  it('names the source that it is locked to', () => {
    const locks = locksOf([[library, entry('b')]], [[folder, entry('a')]])
    expect(recognise(MODEL, seen(), [library, folder], locks)).toEqual({
      source: 'folder /weights',
      lockedBy: 'recorded',
    })
  })
})

describe('the lock files', () => {
  let home: string
  const record = () => join(home, 'state/models.lock.json')
  const tracked = () => join(home, 'tracked.json')

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'locks-'))
  })
  afterEach(() => rm(home, { recursive: true, force: true }))

  it('are empty when there are none', async () => {
    expect(await readLocks(record(), tracked())).toMatchObject({ tracked: {}, recorded: {} })
  })

  it('keep what two write at once', async () => {
    const locks = await readLocks(record(), tracked())
    await Promise.all([
      writeLock(locks.recordFile, MODEL, 'library', () => entry('a')),
      writeLock(locks.recordFile, 'other:1b', 'library', () => entry('b')),
    ])
    expect((await readLocks(record(), tracked())).recorded).toEqual({
      [MODEL]: { library: entry('a') },
      'other:1b': { library: entry('b') },
    })
  })

  it('leave the other sources of a model when one is locked anew', async () => {
    await writeLock(tracked(), MODEL, 'library', () => entry('a'))
    await writeLock(tracked(), MODEL, 'folder /weights', () => entry('b'))
    await writeLock(tracked(), MODEL, 'library', () => entry('c'))
    expect((await readLocks(record(), tracked())).tracked).toEqual({
      [MODEL]: { library: entry('c'), 'folder /weights': entry('b') },
    })
  })

  it('are refused when they are none, with the file and what mends it', async () => {
    await writeFile(tracked(), '{"tiny:1b": {"library": {"digest": 7}}}')
    await expect(readLocks(record(), tracked())).rejects.toMatchObject({
      kind: 'misused',
      message: expect.stringContaining(tracked()),
      mend: expect.stringContaining('restore it'),
    })
  })

  it('that are tracked hold the small models that the default stack runs', async () => {
    const content = JSON.parse(await readFile(TRACKED_LOCK, 'utf8'))
    expect(Object.keys(content)).toEqual(
      expect.arrayContaining(['all-minilm:latest', 'smollm2:135m']),
    )
  })
})
