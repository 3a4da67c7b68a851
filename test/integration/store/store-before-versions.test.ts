import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backup } from '../../../checks/archive/backup.ts'
import { FolderStorage } from '../../../checks/archive/folder-storage.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { openStore, outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 384
const CREATOR = 'ada'

describe('what was stored before documents had versions', () => {
  let chroma: RunningChroma
  let store: Awaited<ReturnType<typeof openStore>>

  beforeAll(async () => {
    chroma = await startChroma()
    store = await openStore(outputsOf({ chroma: [chroma.url] }))
  })
  afterAll(async () => {
    await store?.close()
    await chroma?.stop()
  })

  /** As the store wrote it then: the id says creator, document and chunk. */
  async function storedBefore(document: string, length: number): Promise<void> {
    const { shards } = store.knowledge
    const { id } = store.knowledge.creator(CREATOR)
    const records = Array.from({ length }, (_, index) => ({
      id: `${id.length}:${id}${document.length}:${document}${index}`,
      text: `${document} ${index}`,
      vector: vectorFor(`${document} ${index}`, DIMENSION),
      metadata: {
        topic: 'tea',
        creator_id: id,
        document_id: document,
        chunk_index: index,
        created_at: 1_700_000_000_000,
      },
    }))
    await shards.write([id], collection => collection.add(records))
  }
  const documentOf = (id: string, length: number) => ({
    id,
    chunks: Array.from({ length }, (_, index) => ({
      text: `new ${id} ${index}`,
      vector: vectorFor(`new ${id} ${index}`, DIMENSION),
    })),
  })

  beforeEach(async () => {
    await store.knowledge.creator(CREATOR).clear()
    await storedBefore('short', 3)
    await storedBefore('long', 130)
  })

  it('is read, found and filtered as it was', async () => {
    const creator = store.knowledge.creator(CREATOR)
    expect(await creator.count()).toBe(133)
    expect((await creator.documents()).map(({ document }) => document)).toEqual(['long', 'short'])
    const chunks = await creator.get({ documents: ['short'] })
    expect(chunks.map(({ text }) => text)).toEqual(['short 0', 'short 1', 'short 2'])
    expect(await creator.count({ filter: { topic: 'tea' } })).toBe(133)
    for (const text of ['short 1', 'long 77']) {
      const [hit] = await creator.query({ vector: vectorFor(text, DIMENSION) }, { count: 1 })
      expect(hit!.text).toBe(text)
    }
  })

  it('is carried over document by document as it is written, and nothing of it stays', async () => {
    const creator = store.knowledge.creator(CREATOR)
    await creator.upsert([documentOf('long', 2)])
    expect((await creator.get({ documents: ['long'] })).map(({ text }) => text)).toEqual([
      'new long 0',
      'new long 1',
    ])
    expect(await creator.count()).toBe(5)
    const vector = vectorFor('long 77', DIMENSION)
    const hits = await creator.query({ vector }, { count: 10 })
    expect(hits.map(({ text }) => text)).not.toContain('long 77')
    await expect(creator.add([documentOf('short', 1)])).rejects.toThrow('exists already')
    expect(await creator.delete({ documents: ['short'] })).toBe(3)
    await creator.add([documentOf('short', 1)])
    expect(await creator.count()).toBe(3)
    const { shards } = store.knowledge
    expect(await shards.readShard(creator.shard, 0, collection => collection.size())).toBe(3)
  })

  it('is saved as a whole, also where nobody has written since there are versions', async () => {
    const { database } = store.knowledge.shards
    await store.deployment.chroma[0]!.deleteCollection(database, 'knowledge_marks')
    const folder = await mkdtemp(join(tmpdir(), 'archives-'))
    const saved = await backup(store.knowledge, new FolderStorage(folder), {
      stack: 'test',
      versions: {},
      recipients: [],
      folder: join(folder, 'on its way'),
      now: new Date(),
      signal: AbortSignal.timeout(60_000),
      report() {},
    })
    await rm(folder, { recursive: true })
    expect(saved).toMatchObject({ creators: 1, documents: 2, records: 133, unsettled: 0 })
  })
})
