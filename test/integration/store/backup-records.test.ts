import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backup } from '../../../checks/archive/backup.ts'
import { FolderStorage } from '../../../checks/archive/folder-storage.ts'
import type { ArchiveStorage } from '../../../checks/archive/storage.ts'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { reshard } from '../../../checks/reshard/reshard.ts'
import type { BackupRecord } from '../../../checks/store/backup-records.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { StackRecords } from '../../../checks/store/stack-records.ts'
import { backupsRecordOf } from '../../../infra/settings/home-paths.ts'
import { adoptEarlierRecord } from '../../../provision/backup/earlier-record.ts'
import { type AskedBackup, clearBegun, takeBackup } from '../../../provision/backup/take-backup.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 8

describe('the backups of a stack', () => {
  let server: RunningChroma
  let folder: string
  let store: ConnectedDeployment
  let knowledge: Knowledge
  const signal = AbortSignal.timeout(600_000)

  beforeAll(async () => {
    server = await startChroma()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backups-'))
    store = await openDeployment(
      outputsOf({ chroma: [server.url], dimensions: DIMENSION, shards: 5 }),
    )
    knowledge = store.knowledge()
    for (const creator of ['ada', 'bob']) {
      const chunks = [{ text: creator, vector: vectorFor(creator, DIMENSION) }]
      await knowledge.creator(creator).upsert([{ id: 'a', chunks }])
    }
  })
  afterEach(async () => {
    for (const chroma of store.chroma) {
      for (const name of await chroma.databases()) {
        if (name.startsWith('knowledge')) await chroma.deleteDatabase(name)
      }
    }
    await store.close()
    await rm(folder, { recursive: true, force: true })
  })

  const recordOf = (place: string, archive: string): BackupRecord => ({
    id: randomUUID(),
    state: 'begun',
    alive: new Date().toISOString(),
    place,
    archive: join(place, archive),
    machine: hostname(),
    scope: 'all',
    created: new Date().toISOString(),
    records: 0,
  })

  it('leaves nothing for good when a backup was killed: the next in its place deletes it, and nothing else', async () => {
    const { backups } = knowledge
    const place = new FolderStorage(join(folder, 'place'))
    const whole = await place.create('whole')
    await whole.finish('{}')
    for (const name of ['killed', 'beside', 'elsewhere']) {
      await (await place.create(name)).put('records-00000.parquet', Readable.from(['half']))
    }
    await writeFile(join(place.name, 'beside.partial', 'notes.txt'), 'mine')
    for (const name of ['whole', 'killed', 'beside']) await backups.put(recordOf(place.name, name))
    await backups.put({ ...recordOf(place.name, 'elsewhere'), machine: 'another' })
    await clearBegun(backups, new FolderStorage(join(folder, 'another place')))
    expect((await readdir(place.name)).length).toBe(4)
    await clearBegun(backups, place)
    expect((await readdir(place.name)).sort()).toEqual([
      'beside.partial',
      'elsewhere.partial',
      'whole',
    ])
    expect(await readdir(join(place.name, 'beside.partial'))).toEqual(['notes.txt'])
    expect(await readdir(join(place.name, 'whole'))).toEqual(['manifest.json'])
    expect(await backups.all()).toMatchObject([{ machine: 'another' }])
  })

  const asked = () => ({ stack: 'test', versions: {}, recipients: [], folder: join(folder, 'way') })
  const take = (storage: ArchiveStorage, more: Partial<AskedBackup> = {}) =>
    takeBackup(knowledge, storage, { ...asked(), ...more }, { report() {}, signal })

  it('are recorded beside the data, and kept as many of all creators as are asked for', async () => {
    const { backups } = knowledge
    const storage = new FolderStorage(join(folder, 'kept'))
    const moments = ['one', 'two', 'three'].map(name => join(storage.name, name))
    const taken: string[] = []
    for (const _ of moments) {
      const only = await take(storage, { creator: 'ada' })
      await rename(only.archive, `${only.archive}-only`)
      const { archive, removed } = await take(storage, { keep: 2 })
      expect(removed).toEqual(taken.splice(0, taken.length - 1))
      taken.push(archive)
      expect(await backups.last()).toMatchObject({ archive, state: 'whole', scope: 'all' })
      // Archives are named by the second.
      await sleep(1000)
    }
    expect((await readdir(storage.name)).filter(name => !name.endsWith('-only'))).toHaveLength(2)
  })

  it('are taken one at a time: one that another machine takes is named, unless it has said nothing for minutes', async () => {
    const { backups } = knowledge
    const storage = new FolderStorage(join(folder, 'turns'))
    const other = { ...recordOf('s3://archives', 'theirs'), machine: 'backup-29000000-abcde' }
    await backups.put(other)
    await expect(take(storage)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/theirs, by backup-29000000-abcde since \d{4}-/),
    })
    await backups.put({ ...other, alive: new Date(Date.now() - 301_000).toISOString() })
    expect(await take(storage)).toMatchObject({ records: expect.any(Number) })
  })

  it('are told of by what an earlier version recorded of the last one', async () => {
    const { backups } = knowledge
    const records = new StackRecords(store.chroma[0]!, 'backups')
    const earlier = { created: '2026-11-01T03:00:00.000Z', records: 7 }
    await records.put('last', earlier)
    expect(await backups.last()).toEqual(earlier)
    expect(await backups.all()).toEqual([])
    const home = join(folder, 'home')
    const file = backupsRecordOf(home)
    await mkdir(dirname(file), { recursive: true })
    const { machine, state, alive, ...known } = recordOf('/backups', 'old')
    await writeFile(file, JSON.stringify({ backups: [known], begun: [] }))
    await adoptEarlierRecord(home, backups)
    expect(await backups.last()).toMatchObject({ ...known, state: 'whole' })
    expect(existsSync(file)).toBe(false)
  })

  it('are not begun while an upgrade keeps everybody from writing, which could lose what is recorded of them', async () => {
    const { layouts, settings } = knowledge.shards
    const server = { version: '1.5.9', image: 'chroma' }
    const versions = { chroma: server, ollama: server }
    await layouts.recordFreeze(settings.shards, {
      id: randomUUID(),
      state: 'frozen',
      since: new Date().toISOString(),
      from: versions,
      to: versions,
    })
    const storage = new FolderStorage(join(folder, 'frozen'))
    await expect(take(storage)).rejects.toThrow('Nothing is written since')
    expect(existsSync(storage.name)).toBe(false)
    expect(await knowledge.backups.all()).toEqual([])
  })

  it('are given up where creators were moved while they were read', async () => {
    const storage = new FolderStorage(join(folder, 'moved'))
    const moved = backup(knowledge, storage, {
      ...asked(),
      now: new Date(),
      begun: async () => {
        await reshard(knowledge, { shards: 7, signal, report() {} })
      },
      signal,
      report() {},
    })
    await expect(moved).rejects.toThrow('Creators were moved while they were read')
    expect(await readdir(storage.name)).toEqual([])
    expect(await take(storage)).toMatchObject({ creators: 2, layout: { shards: 7 } })
  })
})
