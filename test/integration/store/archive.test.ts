import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backup } from '../../../checks/archive/backup.ts'
import { FolderStorage } from '../../../checks/archive/folder-storage.ts'
import { type RestoreOptions, restore } from '../../../checks/archive/restore.ts'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { forgetCreator } from '../../../checks/forget/forget-creator.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { reshard } from '../../../checks/reshard/reshard.ts'
import { creatorKey } from '../../../checks/store/creator-id.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { randomFrom } from '../../bench/knowledge/population.ts'
import { SEED } from '../../support/searches.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'
import { runPython, whyNoPython } from '../../support/toolchain/python.ts'

const DIMENSION = 8
const CREATORS = Array.from({ length: 30 }, (_, index) => `creator ${index}`)
const NOW = new Date('2026-11-28T09:00:00Z')
/** Of each of the two commands. */
const KILLS = 4
const WORKER = join(PROJECT_ROOT, 'test/support/archive/archive-worker.ts')
const WHY_NO_PYTHON = await whyNoPython()

const documentOf = (id: string, text: string, chunks = 2) => ({
  id,
  metadata: { title: text, year: 2026, open: true },
  chunks: Array.from({ length: chunks }, (_, index) => ({
    text: `${text} ${index}`,
    vector: vectorFor(`${text} ${index}`, DIMENSION),
  })),
})

describe('an archive of what creators have', () => {
  let servers: RunningChroma[]
  let folder: string
  let stores: ConnectedDeployment[]
  /** Where it is saved from, and another deployment with another number of shards. */
  let source: Knowledge
  let other: Knowledge
  const signal = AbortSignal.timeout(600_000)
  /** What the stores take for it. */
  let now = NOW

  beforeAll(async () => {
    servers = [await startChroma(), await startChroma()]
  })
  afterAll(async () => {
    for (const server of servers) await server.stop()
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'archives-'))
    now = NOW
    stores = await Promise.all(
      [5, 12].map((shards, index) =>
        openDeployment(
          outputsOf({ chroma: [servers[index]!.url], dimensions: DIMENSION, shards }),
          { now: () => Number(now) },
        ),
      ),
    )
    const [one, another] = stores.map(store => store.knowledge())
    source = one!
    other = another!
    for (const creator of CREATORS) {
      await source
        .creator(creator)
        .upsert([documentOf('b', `${creator} b`), documentOf('a', creator)])
    }
  })
  afterEach(async () => {
    for (const store of stores) {
      for (const server of store.chroma) {
        for (const name of await server.databases()) {
          if (name.startsWith('knowledge')) await server.deleteDatabase(name)
        }
      }
      await store.close()
    }
    await rm(folder, { recursive: true, force: true })
  })

  const save = (options: { creator?: string; recipients?: string[] } = {}) =>
    backup(source, new FolderStorage(folder), {
      stack: 'test',
      versions: { chroma: '1.5.9' },
      recipients: [],
      folder: join(folder, '.on-its-way'),
      now: NOW,
      signal,
      report() {},
      ...options,
    })
  const putBack = (archive: string, options: Partial<RestoreOptions> = {}, into = other) =>
    restore(into, new FolderStorage(archive).open(), {
      there: 'keep',
      embedAnew: false,
      forgotten: new Map(),
      identities: [],
      folder: join(folder, '.on-its-way'),
      signal,
      report() {},
      ...options,
    })
  const all = async (knowledge: Knowledge, creator: string) => {
    const chunks = await knowledge.creator(creator).get()
    return chunks.map(({ document, index, ...more }) => ({ document, index, ...more }))
  }
  it.each([
    ['on record with the data', true],
    ['by a receipt that was kept', false],
  ])('leaves out who was forgotten since, %s', async (_, onRecord) => {
    const { archive } = await save()
    const [victim, ...others] = CREATORS as [string, ...string[]]
    const until = NOW.getTime()
    if (onRecord) await forgetCreator(other, victim, until)
    const forgotten = new Map(onRecord ? [] : [[creatorKey(victim), until / 1000]])
    const restored = await putBack(archive, { forgotten })
    expect(restored).toMatchObject({ forgotten: 1, creators: others.length })
    expect(await all(other, victim)).toEqual([])
    expect(await all(other, others[0]!)).toEqual(await all(source, others[0]!))
  })

  it('gives back who was forgotten before the archive was made, and has come again', async () => {
    const { archive } = await save()
    await forgetCreator(other, CREATORS[0]!, NOW.getTime() - 1000)
    expect(await putBack(archive)).toMatchObject({ forgotten: 0, creators: CREATORS.length })
  })

  const nobodyHasAnything = async () => expect((await other.statistics()).records).toBe(0)

  it('gives everything back to a deployment with other shards: texts, metadata, vectors, times', async () => {
    const saved = await save()
    expect(saved).toMatchObject({
      archive: join(folder, 'test-20261128T090000Z'),
      creators: CREATORS.length,
      documents: 60,
      records: 120,
      files: 1,
      unsettled: 0,
      layout: { shards: 5, dimensions: DIMENSION },
    })
    expect(await putBack(saved.archive)).toMatchObject({ documents: 60, written: 60, records: 120 })
    for (const creator of CREATORS) {
      expect(await all(other, creator)).toEqual(await all(source, creator))
      const vector = vectorFor(`${creator} 1`, DIMENSION)
      const [hit] = await other.creator(creator).query({ vector }, { count: 1 })
      expect(hit).toMatchObject({ text: `${creator} 1`, createdAt: NOW })
      expect(hit?.distance).toBeCloseTo(0, 5)
    }
    const documents = await other.creator('creator 1').documents()
    expect(documents.map(({ document }) => document)).toEqual(['a', 'b'])
    expect((await other.statistics()).shards).toHaveLength(12)
  })

  it('gives back when a document first came and when it was last put in', async () => {
    const creator = CREATORS[0]!
    now = new Date(Number(NOW) + 60_000)
    await source.creator(creator).upsert([documentOf('a', 'later')])
    const { archive } = await save({ creator })
    now = new Date(Number(NOW) + 120_000)
    await putBack(archive)
    const documents = await other.creator(creator).documents()
    expect(
      documents.map(({ document, createdAt, updatedAt }) => [document, createdAt, updatedAt]),
    ).toEqual([
      ['a', NOW, new Date(Number(NOW) + 60_000)],
      ['b', NOW, NOW],
    ])
  })

  it('is a folder for its owner alone, whose files say what is in them', async () => {
    const { archive } = await save()
    expect((await readdir(folder)).sort()).toEqual(['test-20261128T090000Z'])
    expect((await stat(archive)).mode & 0o777).toBe(0o700)
    for (const file of await readdir(archive)) {
      expect((await stat(join(archive, file))).mode & 0o777).toBe(0o600)
    }
    const manifest = JSON.parse(await readFile(join(archive, 'manifest.json'), 'utf8'))
    expect(manifest).toMatchObject({
      format: 'knowledge-stack archive',
      stack: 'test',
      versions: { chroma: '1.5.9' },
      files: [{ name: 'records-00000.parquet', records: 120 }],
    })
  })

  it.skipIf(WHY_NO_PYTHON)(
    'is opened by pyarrow and DuckDB, without any code of this project',
    async () => {
      const { archive } = await save()
      const program = `
import duckdb, json, pyarrow.parquet as parquet, sys
path = sys.argv[1]
table = parquet.read_table(path)
row = table.slice(0, 1).to_pylist()[0]
found = duckdb.sql(f"""
  SELECT count(*), count(DISTINCT creator_id), min(len(embedding)), max(created_at), min(metadata->>'year')
  FROM read_parquet('{path}') WHERE list_dot_product(embedding, embedding) > 0.99
""").fetchall()[0]
print(json.dumps({"types": {field.name: str(field.type) for field in table.schema},
  "rows": table.num_rows, "row": row, "found": found}, default=str))
`
      const path = join(archive, 'records-00000.parquet')
      const said = await runPython(
        ['pyarrow==26.0.1', 'duckdb==2.0.1'],
        ['-c', program, path],
        folder,
      )
      const { types, rows, row, found } = JSON.parse(said)
      expect(types).toMatchObject({
        creator_id: 'string',
        chunk_index: 'int32',
        text: 'string',
        created_at: 'timestamp[ms, tz=UTC]',
        embedding: 'list<element: float not null>',
      })
      expect(rows).toBe(120)
      expect(row.text).toMatch(/^creator \d+ b 0$/)
      expect(found).toEqual([
        120,
        CREATORS.length,
        DIMENSION,
        expect.stringMatching(/^2026-11-28 /),
        '2026',
      ])
    },
  )

  it('is whole or not there, and comes back whole, whoever is killed when', async () => {
    const random = randomFrom(SEED)
    const below = (limit: number) => 1 + Math.floor(random() * limit)
    const acknowledged = new Map<string, unknown>()
    for (const creator of CREATORS) acknowledged.set(creator, await all(source, creator))
    const [from, to] = stores.map(({ outputs }) => JSON.stringify(outputs))
    const worker = (...args: string[]) =>
      promisify(execFile)(process.execPath, [WORKER, ...args]).then(
        ({ stdout }) => JSON.parse(stdout) as { archive: string; requests: number },
        () => undefined,
      )
    const whole = (await worker(from!, 'backup', folder, join(folder, 'archives'), '0'))!
    for (let kill = 0; kill < KILLS; kill += 1) {
      const place = join(folder, `killed ${kill}`)
      const at = String(below(whole.requests))
      expect(await worker(from!, 'backup', folder, place, at)).toBeUndefined()
      const left = await readdir(place).catch(() => [])
      expect(left.filter(name => !name.endsWith('.partial'))).toEqual([])
    }
    const dry = (await worker(to!, 'restore', folder, whole.archive, '0'))!
    let killed = 0
    for (let kill = 0; kill < KILLS; kill += 1) {
      for (const creator of CREATORS) await other.creator(creator).clear()
      const at = String(below(dry.requests))
      // With the shards there it has less to do than at the first time, so that one may come to its end.
      if ((await worker(to!, 'restore', folder, whole.archive, at)) === undefined) killed += 1
      expect(await worker(to!, 'restore', folder, whole.archive)).toBeDefined()
      for (const creator of CREATORS) {
        expect(await all(other, creator)).toEqual(acknowledged.get(creator))
      }
      expect((await other.statistics()).records).toBe(120)
    }
    expect(killed).toBeGreaterThanOrEqual(KILLS / 2)
  })

  it('keeps what is there by then, and replaces it where that is asked for', async () => {
    const { archive } = await save()
    await source.creator('creator 1').upsert([documentOf('a', 'changed', 1)])
    await source.creator('creator 2').clear()
    expect(await putBack(archive, {}, source)).toMatchObject({ documents: 60, written: 2 })
    const texts = async (creator: string) =>
      (await all(source, creator)).map(({ text }) => text).sort()
    expect(await texts('creator 1')).toEqual(['changed 0', 'creator 1 b 0', 'creator 1 b 1'])
    expect(await texts('creator 2')).toHaveLength(4)
    expect(await putBack(archive, { there: 'replace' }, source)).toMatchObject({ written: 60 })
    expect(await texts('creator 1')).toHaveLength(4)
    expect((await source.statistics()).records).toBe(120)
  })

  it('can be of one creator alone, and give back one', async () => {
    const one = await save({ creator: 'creator 4' })
    expect(one).toMatchObject({ scope: 'creator', creators: 1, records: 4 })
    expect(await putBack(one.archive)).toMatchObject({ written: 2 })
    await expect(save({ creator: '' })).rejects.toMatchObject({ kind: 'misused' })
    await rm(one.archive, { recursive: true })
    await expect(save({ creator: 'Creator 4' })).rejects.toMatchObject({
      kind: 'misused',
      message: 'The creator "Creator 4" has nothing in stack test',
    })
    const { archive } = await save()
    expect(await putBack(archive, { creator: 'creator 7' })).toMatchObject({
      creators: 1,
      written: 2,
    })
    expect((await other.statistics()).records).toBe(8)
  })

  it('is encrypted for who holds a key of age, and for nobody else', async () => {
    const identity = await generateIdentity()
    const { archive, encrypted } = await save({ recipients: [await identityToRecipient(identity)] })
    expect(encrypted).toBe(true)
    expect(await readdir(archive)).toContain('records-00000.parquet.age')
    const content = await readFile(join(archive, 'records-00000.parquet.age'), 'latin1')
    expect(content).not.toMatch(/creator \d|PAR1/)
    for (const identities of [[], [await generateIdentity()]]) {
      await expect(putBack(archive, { identities })).rejects.toMatchObject({
        kind: 'misused',
        mend: expect.stringContaining('--identity'),
      })
    }
    await nobodyHasAnything()
    expect(await putBack(archive, { identities: [identity] })).toMatchObject({ written: 60 })
    await expect(save({ recipients: ['age1nobody'] })).rejects.toMatchObject({ kind: 'misused' })
  })

  const damages: [string, (archive: string) => Promise<unknown>, RegExp][] = [
    ['a byte of it is another', damageByte, /records-00000.parquet was changed or damaged/],
    [
      'it is cut short',
      archive => writeFile(join(archive, 'records-00000.parquet'), 'PAR1'),
      /has 4 bytes in place of/,
    ],
    ['a file is missing', archive => rm(join(archive, 'records-00000.parquet')), /is missing/],
    ['it has no manifest', archive => rm(join(archive, 'manifest.json')), /no manifest.json/],
    [
      'its manifest is another',
      async archive => {
        const path = join(archive, 'manifest.json')
        await writeFile(
          path,
          (await readFile(path, 'utf8')).replace('"records": 120', '"records": 1'),
        )
      },
      /manifest was changed/,
    ],
    [
      'its manifest is no manifest',
      archive => writeFile(join(archive, 'manifest.json'), '{"name": "shop"}'),
      /not one of knowledge-stack/,
    ],
    [
      'its manifest is half',
      archive => cut(join(archive, 'manifest.json')),
      /not one of knowledge-stack/,
    ],
  ]
  it.each(damages)('is refused before anything is written where %s', async (_, damage, message) => {
    const { archive } = await save()
    await damage(archive)
    await expect(putBack(archive)).rejects.toMatchObject({
      kind: 'misused',
      message: expect.stringMatching(message),
    })
    await nobodyHasAnything()
  })

  it('is not there where the backup did not come to its end', async () => {
    const stopped = new AbortController()
    const ended = backup(source, new FolderStorage(folder), {
      stack: 'test',
      versions: {},
      recipients: [],
      folder: join(folder, '.on-its-way'),
      now: NOW,
      signal: stopped.signal,
      report: () => stopped.abort(),
    })
    await expect(ended).rejects.toThrow()
    expect(await readdir(folder)).toEqual([])
  })

  it('goes on where a restore was stopped, without anything twice', async () => {
    for (const creator of CREATORS) {
      await source.creator(creator).upsert([documentOf('long', `${creator} long`, 200)])
    }
    const { archive } = await save()
    const stopped = new AbortController()
    let reports = 0
    const report = (text: string) => {
      reports += text.includes('put back') ? 1 : 0
      if (reports === 1) stopped.abort()
    }
    await expect(putBack(archive, { signal: stopped.signal, report })).rejects.toThrow()
    const { records } = await other.statistics()
    expect(records).toBeGreaterThan(0)
    expect(records).toBeLessThan(6120)
    const { written } = await putBack(archive)
    expect(written).toBeLessThan(90)
    expect((await other.statistics()).records).toBe(6120)
    for (const creator of CREATORS)
      expect(await all(other, creator)).toEqual(await all(source, creator))
  })

  it('has each creator as it was at one moment, whoever writes meanwhile', async () => {
    let round = 0
    let isOver = false
    const writer = (async () => {
      while (!isOver) {
        round += 1
        const text = `round ${round}`
        await source.creator('creator 0').upsert([documentOf('a', text), documentOf('b', text)])
      }
    })()
    const saved = await save().finally(() => {
      isOver = true
    })
    await writer
    await putBack(saved.archive)
    const found = await all(other, 'creator 0')
    expect(found).toHaveLength(4)
    // Both documents are of one write, unless it was told that this could not be had.
    if (saved.unsettled === 0)
      expect(new Set(found.map(({ metadata }) => metadata.title)).size).toBe(1)
    expect((await other.statistics()).records).toBe(120)
  })

  it('has one who has many thousands of chunks too, each document whole, also one that is written meanwhile', async () => {
    const large = source.creator('large')
    await large.upsert(['a', 'b', 'c'].map(id => documentOf(id, id, 3600)))
    let isOver = false
    const writer = (async () => {
      for (let round = 1; !isOver; round += 1) {
        await large.upsert([documentOf('b', `round ${round}`, 5)])
      }
    })()
    const saved = await save().finally(() => {
      isOver = true
    })
    await writer
    expect(saved).toMatchObject({ creators: CREATORS.length + 1, documents: 63 })
    await putBack(saved.archive)
    const chunksOf = (document: string) => other.creator('large').count({ documents: [document] })
    expect(await chunksOf('a')).toBe(3600)
    expect(await chunksOf('c')).toBe(3600)
    expect([5, 3600]).toContain(await chunksOf('b'))
    expect((await other.statistics()).records).toBe(saved.records)
  })

  it('has creators who have moved, and those who have not yet', async () => {
    const stopped = new AbortController()
    const report = (text: string) => {
      if (text === 'switching shard 3 of 5') stopped.abort()
    }
    const moved = reshard(source, { shards: 7, signal: stopped.signal, report })
    await expect(moved).rejects.toThrow()
    const saved = await save()
    expect(saved).toMatchObject({ creators: CREATORS.length, records: 120 })
    expect(await putBack(saved.archive)).toMatchObject({ written: 60 })
    for (const creator of CREATORS)
      expect(await all(other, creator)).toEqual(await all(source, creator))
    await expect(putBack(saved.archive, {}, source)).rejects.toMatchObject({
      kind: 'misused',
      mend: expect.stringContaining('npm run reshard'),
    })
  })

  it('is not begun where it cannot be written', async () => {
    const place = join(folder, 'a file')
    await writeFile(place, '')
    const options = { stack: 'test', versions: {}, recipients: [], now: NOW, signal, report() {} }
    const ended = backup(source, new FolderStorage(place), {
      ...options,
      folder: join(folder, 'x'),
    })
    await expect(ended).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/a file.* cannot be written: /),
    })
  })
})

async function damageByte(archive: string): Promise<void> {
  const path = join(archive, 'records-00000.parquet')
  const content = await readFile(path)
  content[content.length >> 1] = content[content.length >> 1]! ^ 1
  await writeFile(path, content)
}

async function cut(path: string): Promise<void> {
  const content = await readFile(path)
  await writeFile(path, content.subarray(0, content.length / 2))
}
