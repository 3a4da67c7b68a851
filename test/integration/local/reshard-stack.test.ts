import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { StoreStatistics } from '../../../checks/store/statistics.ts'
import { layoutRecordOf, localPaths } from '../../../infra/settings/home-paths.ts'
import { withLock } from '../../../provision/lock.mjs'
import { STORED } from '../../support/api/stored.ts'
import { tinyNomicBert } from '../../support/models/tiny-nomic-bert.ts'
import { refusesWithoutRoom } from '../../support/stack/refuses-without-room.ts'
import { TestStack } from '../../support/stack/test-stack.ts'

const CREATORS = Array.from({ length: 12 }, (_, index) => `creator ${index}`)

describe('the data of a stack of local processes', () => {
  let stack: TestStack
  const lineWith = (flags: string) =>
    `npm run reshard -- --stack dev --config-file ${stack.configFile} ${flags}`
  let authorization: string
  let archive: string
  beforeAll(async () => {
    stack = await TestStack.make({ shards: 5 })
    expect((await stack.run('up')).code).toBe(0)
    authorization = `Bearer ${(await stack.run('token', '--service')).stdout.trim()}`
    for (const creator of CREATORS)
      expect(STORED).toContain(await put(creator, 'a', `${creator} bakes bread.`))
  })
  afterAll(async () => {
    await stack?.end()
  })

  const api = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${stack.config.apiPort}/api/v1${path}`, {
      ...init,
      headers: {
        authorization,
        ...init.headers,
        ...(init.body && { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(10_000),
    })
  const pathOf = (creator: string) => `/creators/${encodeURIComponent(creator)}`
  const put = async (creator: string, document: string, text: string) => {
    const init = { method: 'PUT', body: JSON.stringify({ text }) }
    return (await api(`${pathOf(creator)}/documents/${document}`, init)).status
  }
  const found = async (creator: string): Promise<string[]> => {
    const body = JSON.stringify({ text: 'bread', count: 10 })
    const answer = await api(`${pathOf(creator)}/query`, { method: 'POST', body })
    const { hits } = (await answer.json()) as { hits: { text: string }[] }
    return hits.map(({ text }) => text)
  }
  const stats = async () => (await (await api('/ai/chromadb/stats')).json()) as StoreStatistics
  const recorded = async () => JSON.parse(await readFile(layoutRecordOf(stack.home), 'utf8'))

  it('stays where it is when the settings ask for other shards and servers, which up starts, and tells how to move it', async () => {
    Object.assign(stack.config, { shards: 8, instances: 2 })
    const { code, document, stderr } = await stack.json('up')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(document.endpoints.chroma).toHaveLength(2)
    expect(stderr).toContain('shards is 8, and the data stays laid out for 5')
    expect(stderr).toContain('instances is 2, and the data stays laid out for 1')
    expect(stderr).toContain('npm run reshard -- --stack dev')
    expect(await stats()).toMatchObject({ generation: 1, records: 12 })
    expect((await stack.json('up')).document.changed).toBe(false)
  })

  it('is not moved where its disk has no room for two of it', () => refusesWithoutRoom(stack))

  it('is told how it would move, and what that needs', async () => {
    const { code, document } = await stack.json('reshard', '--dry-run')
    expect({ code, document }).toMatchObject({
      code: 0,
      document: {
        from: { map: [0, 0, 0, 0, 0], embeddingModel: 'all-minilm:latest' },
        to: { map: [0, 1, 0, 1, 0, 1, 0, 1], embeddingModel: 'all-minilm:latest' },
        records: 12,
        creators: 12,
        needed: { memory: expect.any(Number) },
      },
    })
    expect((await stack.run('reshard', '--undo')).stdout).toContain('No move is under way')
  })

  it('moves while it is read and written, and is deployed and verified where it is then', async () => {
    const moving = stack.json('reshard')
    let isOver = false
    const over = moving.finally(() => {
      isOver = true
    })
    const statuses = new Set<number>()
    let asked = 0
    while (!isOver) {
      const creator = CREATORS[asked % CREATORS.length]!
      statuses.add(await put(creator, 'b', `${creator} bakes cakes.`).catch(() => 0))
      asked += 1
    }
    const { code, document, stderr } = await over
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(document).toMatchObject({ generation: 2, shards: 8, up: { verdict: 'passed' } })
    // The API is started again by the update, once all have moved.
    expect([...statuses].filter(status => !STORED.includes(status) && status !== 0)).toEqual([])
    expect(asked).toBeGreaterThan(CREATORS.length)
    for (const creator of CREATORS) {
      expect((await found(creator)).sort()).toEqual([
        `${creator} bakes bread.`,
        `${creator} bakes cakes.`,
      ])
    }
    const { shards, ...sums } = await stats()
    expect(sums).toMatchObject({ generation: 2, records: 24, creators: { count: 12 } })
    expect(new Set(shards.map(({ instance }) => instance))).toEqual(new Set([0, 1]))
    expect(await recorded()).toMatchObject({ generation: 2, shards: 8, instances: 2 })
  })

  it('is there already for a second move, and a second up changes nothing', async () => {
    const { code, document } = await stack.json('reshard')
    expect({ code, document }).toMatchObject({
      code: 0,
      document: { generation: 2, copied: 0, up: { changed: false } },
    })
  })

  it('refuses the old number of shards from then on, with the line that goes back', async () => {
    stack.config.shards = 5
    const { code, stderr } = await stack.run('up')
    expect(code).toBe(2)
    expect(stderr).toMatch(/shards is 5, .* laid out for 8/)
    expect(stderr).toContain(lineWith('--shards 5'))
    expect(stderr).toContain('set back knowledge-stack:shards 8')
  })

  it('is moved to fewer servers before the others go', async () => {
    stack.config.shards = 8
    const more = await stack.run('reshard', '--instances', '3')
    expect([more.code, more.stderr]).toEqual([2, expect.stringContaining('has 2 Chroma servers')])
    stack.config.instances = 1
    const refused = await stack.run('up')
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain(lineWith('--instances 1'))
    const { code, document } = await stack.json('reshard', '--instances', '1')
    expect({ code, document }).toMatchObject({
      code: 0,
      document: { generation: 3, shards: 8, up: { verdict: 'passed' } },
    })
    expect(document.up.endpoints.chroma).toHaveLength(1)
    expect(await found('creator 5')).toHaveLength(2)
  })

  it('moves before the settings say so, and the running API follows it', async () => {
    const { code, stdout } = await stack.run('reshard', '--shards', '6')
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/in 6 shards.*set knowledge-stack:shards to 6/s),
    })
    expect((await found('creator 3')).sort()).toHaveLength(2)
    expect(STORED).toContain(await put('creator 3', 'c', 'Creator 3 sings.'))
    expect(await stats()).toMatchObject({ generation: 4, records: 25 })
    const refused = await stack.run('up')
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('laid out for 6')])
    stack.config.shards = 6
    expect((await stack.run('up')).code).toBe(0)
    expect(await found('creator 3')).toHaveLength(3)
  })

  it('has another embedding model brought up beside its own, and stays what it is', async () => {
    const folder = join(stack.folder, 'team')
    await mkdir(folder)
    await writeFile(join(folder, 'team-embed.gguf'), tinyNomicBert())
    const sources = [{ kind: 'folder', path: folder }]
    stack.config.models = { 'team-embed': { role: 'embedding', sources } }
    stack.config.embeddingModel = 'team-embed'
    const { code, document, stderr } = await stack.json('up')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain('the data stays embedded by all-minilm:latest')
    const names = document.models.map(({ name }: { name: string }) => name)
    expect(names).toEqual(['all-minilm:latest', 'team-embed:latest', 'smollm2:135m'])
    expect(await found('creator 3')).toHaveLength(3)
    expect((await stack.json('up')).document.changed).toBe(false)
  })

  it('is embedded by it anew, and the model before is taken away', async () => {
    const told = await stack.json('reshard', '--dry-run')
    expect(told).toMatchObject({
      code: 0,
      document: { records: 25, to: { embeddingModel: 'team-embed:latest' } },
    })
    const { code, document, stderr } = await stack.json('reshard')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(document).toMatchObject({
      generation: 5,
      shards: 6,
      embeddingModel: 'team-embed:latest',
      up: { verdict: 'passed', models: [{ name: 'team-embed:latest' }, { name: 'smollm2:135m' }] },
    })
    expect(await stats()).toMatchObject({ generation: 5, records: 25, dimension: 768 })
    expect(await found('creator 3')).toHaveLength(3)
    expect(STORED).toContain(await put('creator 3', 'd', 'Creator 3 rests.'))
  })

  it('is not given to the model before any more, but by another move', async () => {
    stack.config.embeddingModel = 'all-minilm'
    const { code, stderr } = await stack.run('up')
    expect(code).toBe(2)
    expect(stderr).toMatch(/embeddingModel is "all-minilm:latest", .* for "team-embed:latest"/)
    expect(stderr).toContain('--embedding-model all-minilm:latest')
  })

  it('is saved in an archive, and what was deleted since comes back', async () => {
    stack.config.embeddingModel = 'team-embed'
    const saved = await stack.json('backup', '--to', join(stack.folder, 'archives'))
    expect(saved).toMatchObject({
      code: 0,
      document: { creators: 12, records: 26, unsettled: 0, files: 1 },
    })
    archive = saved.document.archive
    const gone = `${pathOf('creator 3')}/documents/d`
    expect((await api(gone, { method: 'DELETE' })).status).toBe(200)
    expect(STORED).toContain(await put('creator 4', 'a', 'Creator 4 swims now.'))
    const { code, stdout } = await stack.run('restore', '--from', archive)
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/1 document back .* 25 documents that were there stay/),
    })
    expect((await api(gone)).status).toBe(200)
    expect(await found('creator 4')).toContain('Creator 4 swims now.')
  })

  it('is saved encrypted with a key of age, which no process is given as an argument', async () => {
    const identity = await generateIdentity()
    const key = join(stack.folder, 'key.txt')
    await writeFile(key, `# created by age-keygen\n${identity}\n`)
    const recipient = await identityToRecipient(identity)
    const to = join(stack.folder, 'encrypted')
    const saved = await stack.json('backup', '--to', to, '--recipient', recipient)
    expect(saved).toMatchObject({ code: 0, document: { encrypted: true } })
    const from = saved.document.archive
    const refused = await stack.run('restore', '--from', from)
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--identity FILE') })
    const restored = await stack.json('restore', '--from', from, '--identity', key, '--overwrite')
    expect(restored).toMatchObject({ code: 0, document: { written: 26 } })
  })

  it('is kept in as many archives as are asked for, and status tells how old the last one is', async () => {
    const to = join(stack.folder, 'encrypted')
    const [first] = (await readdir(to)).map(name => join(to, name))
    const other = join(to, 'somebody-else')
    await mkdir(other)
    await writeFile(join(other, 'manifest.json'), '{}')
    const { code, document } = await stack.json('backup', '--to', to, '--keep', '1')
    expect({ code, document }).toMatchObject({ code: 0, document: { removed: [first] } })
    expect((await readdir(to)).map(name => join(to, name)).sort()).toEqual(
      [document.archive, other].sort(),
    )
    const metrics = await fetch(`http://127.0.0.1:${stack.config.apiPort}/metrics`)
    const [, second] =
      /^knowledge_last_backup_timestamp_seconds (\S+)$/m.exec(await metrics.text()) ?? []
    expect(Number(second)).toBe(Date.parse(document.created) / 1000)
    const status = await stack.json('status')
    expect(status.document.backup).toMatchObject({ archive: document.archive, records: 26 })
    expect((await stack.run('status')).stdout).toMatch(
      /Last backup: [\d.]+ m?s ago, 26 records in /,
    )
  })

  it.each([
    ['up'],
    ['reshard'],
    ['backup', '--to', 'archives'],
    ['restore', '--from', 'archives'],
    ['forget', '--creator', 'creator 1', '--yes'],
    ['doctor', '--fix', '--stack', 'dev'],
  ])('is changed by one command at a time: %s', async (...args) => {
    const lock = join(localPaths(stack.home).state, 'lock')
    const { signal } = new AbortController()
    await withLock(lock, { purpose: 'test of stack dev', onWait() {}, signal }, async () => {
      expect(await stack.run(...args)).toMatchObject({
        code: 3,
        stderr: expect.stringContaining(`test of stack dev (process ${process.pid}, since `),
      })
    })
  })

  const TEXTS = [
    'Of secrets the victim has three.',
    'The second is about a lake.',
    'The third is none.',
  ]

  it('is erased of creators, in the files too, which are looked through, and stays so when an archive comes back', async () => {
    const asked = ['forget', '--creator', 'victim']
    for (const [index, text] of TEXTS.entries()) await put('victim', `secret-${index}`, text)
    // As the API forgets, which has no files to look at: creators of all shards.
    const gone = Array.from({ length: 24 }, (_, index) => `gone ${index}`)
    for (const creator of gone) {
      expect(STORED).toContain(
        await put(creator, 'a', `${creator} asked to be forgotten, and wrote this.`),
      )
      expect((await api(pathOf(creator), { method: 'DELETE' })).status).toBe(200)
    }
    const saved = await stack.json('backup', '--to', join(stack.folder, 'archives'))
    const tokenOf = async () => (await stack.run('token', '--creator', 'victim')).stdout.trim()
    const token = await tokenOf()
    const mine = (bearer: string) =>
      api(`${pathOf('victim')}/usage`, { headers: { authorization: `Bearer ${bearer}` } })
    expect((await mine(token)).status).toBe(200)
    expect(await stack.run(...asked)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /"victim", "gone 0".* 20 more have.*npm run forget -- --stack dev --config-file \S+ --creator "victim" --yes/s,
      ),
    })

    const { code, document, stderr } = await stack.json(...asked, '--yes')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(document).toMatchObject({
      creators: expect.arrayContaining([
        expect.objectContaining({ creator: 'gone 7', chunks: 1 }),
        expect.objectContaining({ creator: 'victim', chunks: 3 }),
      ]),
      search: { things: 54, after: 0, shared: 0 },
      backups: expect.arrayContaining([
        expect.objectContaining({ archive: saved.document.archive }),
      ]),
    })
    // Of what the API has forgotten, Chroma may have written something over since.
    expect(document.search.before).toBeGreaterThan(40)
    expect(document.shards).toHaveLength(6)
    expect(JSON.parse(await readFile(document.receipt, 'utf8'))).toMatchObject({ stack: 'dev' })
    for (const text of TEXTS) expect(await filesWith(text)).toEqual([])
    expect(await found('victim')).toEqual([])
    expect(await found('creator 3')).toHaveLength(4)
    await vi.waitFor(async () => expect((await mine(token)).status).toBe(401), 20_000)
    expect((await stack.run('forget', '--yes')).stderr).toContain('Nobody is to be forgotten')

    const restored = await stack.json('restore', '--from', saved.document.archive, '--overwrite')
    expect(restored).toMatchObject({ code: 0, document: { forgotten: 1, creators: 12 } })
    expect(await found('victim')).toEqual([])
    expect((await mine(await tokenOf())).status).toBe(200)
    expect((await stack.run('verify', '--stack', 'dev')).code).toBe(0)
  })

  it('is looked at with its files, of which doctor takes out what moves and deletes have left', async () => {
    const looked = await stack.json('doctor', '--stack', 'dev')
    expect(looked).toMatchObject({ code: 0, document: { sound: true } })
    for (const { folders } of looked.document.servers) expect(folders).toEqual([])
    // A move leaves the folders of the shards that it deletes.
    expect((await stack.json('reshard', '--shards', '7')).code).toBe(0)
    const left = (await stack.json('doctor', '--stack', 'dev')).document.servers
    expect(left.flatMap(({ folders }: { folders: string[] }) => folders)).not.toEqual([])
    expect((await stack.run('doctor', '--stack', 'dev')).stdout).toMatch(
      /folders of deleted indexes are left\n.*npm run doctor -- --fix --stack dev/,
    )
    const fixed = await stack.json('doctor', '--stack', 'dev', '--fix')
    expect(fixed).toMatchObject({ code: 0, document: { sound: true } })
    for (const { folders, erased } of fixed.document.servers) {
      expect(folders).toEqual([])
      expect(erased.after).toBeLessThanOrEqual(erased.before)
    }
    expect(await found('creator 3')).toHaveLength(4)
    expect((await stack.run('verify', '--stack', 'dev')).code).toBe(0)
  })

  /** Files of the stack's folder that have a text in them. */
  async function filesWith(text: string): Promise<string[]> {
    const entries = await readdir(stack.home, { recursive: true, withFileTypes: true })
    const files = entries.filter(entry => entry.isFile() && !entry.parentPath.includes('models'))
    const holding = files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name)
      return (await readFile(path)).includes(text) ? [path] : []
    })
    return (await Promise.all(holding)).flat()
  }

  it('comes back to a stack that was purged, also when that has other shards and another model', async () => {
    expect((await stack.run('down', '--purge', '--yes')).code).toBe(0)
    expect((await stack.json('status')).document.backup).toBeNull()
    Object.assign(stack.config, { embeddingModel: 'all-minilm', shards: 9 })
    expect((await stack.run('up')).code).toBe(0)
    authorization = `Bearer ${(await stack.run('token', '--service')).stdout.trim()}`
    const refused = await stack.run('restore', '--from', archive)
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/vectors of team-embed:latest.*--embed/s),
    })
    expect(await stats()).toMatchObject({ records: 0 })
    const restored = await stack.json('restore', '--from', archive, '--embed')
    expect(restored).toMatchObject({ code: 0, document: { written: 26, creators: 12 } })
    expect(await stats()).toMatchObject({ records: 26, dimension: 384, creators: { count: 12 } })
    expect(await found('creator 3')).toHaveLength(4)
    expect((await stack.run('verify', '--stack', 'dev')).code).toBe(0)
  })
})
