import { execFile } from 'node:child_process'
import { watch } from 'node:fs'
import { cp, mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { diagnose, type Treatment } from '../../../checks/damage/doctor.ts'
import chunksFound from '../../../checks/data/chunks-found.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { runChecks } from '../../../checks/run-checks.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { indexFolder } from '../../../provision/index-folder.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { EMBEDDING_MODEL, outputsOf } from '../../support/store/deployment.ts'

/** Records after which Chroma saves an index. */
const SAVED_AFTER = 1000
const GIVEN = 120
const WRITTEN = 1080
const { signal } = new AbortController()
const FIX: Treatment = {
  fix: true,
  embedUnknown: false,
  deleteForeign: false,
  mayRebuild: true,
  signal,
  report: () => undefined,
}

/** A model that turns each text into a vector of its own. */
const embedding = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
  if (!String(input).endsWith('/api/embed')) return fetch(input, init)
  const { input: texts } = JSON.parse(String(init?.body))
  return Response.json({ embeddings: texts.map((text: string) => vectorFor(text, 384)) })
}

describe("when Chroma's index is damaged", () => {
  let chroma: RunningChroma
  let sound: string
  let folder: string
  let deployment: ConnectedDeployment
  let knowledge: Knowledge
  let writer: Creator
  let giver: Creator
  const outputs = () => outputsOf({ chroma: [chroma.url] })

  beforeAll(async () => {
    chroma = await startChroma()
    deployment = await openDeployment(outputs(), { fetch: embedding as typeof fetch })
    knowledge = deployment.knowledge()
    writer = knowledge.creator('writer')
    giver = creatorBeside(writer)
    const chunks = Array.from({ length: GIVEN }, (_, index) => ({
      text: `given ${index}`,
      vector: vectorFor(`elsewhere ${index}`, 384),
    }))
    await giver.upsert([{ id: 'given', chunks }])
    await writer.upsert(texts(0, WRITTEN))
    const [{ id }] = [...(await knowledge.shards.existing()).values()] as unknown as [
      { id: string },
    ]
    await chroma.kill()
    folder = (await indexFolder(chroma.data, id))!
    sound = await mkdtemp(join(tmpdir(), 'sound-'))
    await cp(chroma.data, sound, { recursive: true })
    await chroma.start()
  })
  afterAll(async () => {
    await deployment?.close()
    await chroma?.stop()
    if (sound !== undefined) await rm(sound, { recursive: true })
  })
  afterEach(async () => {
    await restarted(async () => {
      await rm(chroma.data, { recursive: true })
      await cp(sound, chroma.data, { recursive: true })
    })
  })

  const texts = (first: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({
      id: `document ${first + index}`,
      text: `text ${first + index}`,
      metadata: { number: first + index },
    }))

  function creatorBeside({ shard }: Creator): Creator {
    for (let attempt = 0; ; attempt += 1) {
      const other = knowledge.creator(`giver ${attempt}`)
      if (other.shard === shard) return other
    }
  }

  async function restarted(meanwhile: () => Promise<unknown>): Promise<void> {
    await chroma.kill()
    await meanwhile()
    await chroma.start()
  }
  const setAside = () => restarted(() => rm(folder, { recursive: true }))

  const check = async (deep = false) => {
    const report = await runChecks(outputs(), {
      readOnly: true,
      deep,
      signal,
      checks: [{ ...chunksFound, after: [] }],
    })
    return report.checks[0]!
  }
  const treat = async () => {
    return (await diagnose(knowledge, FIX))[0]!
  }
  const foundByOwnVector = async (text: string) =>
    (await writer.query({ text }, { count: 1 })).map(hit => hit.text)

  it('lost vectors are found, told by whose they were, and made again from the stored texts', async () => {
    expect(await check(true)).toMatchObject({ verdict: 'passed' })
    const texts = (await writer.get({}, { limit: 1000 })).map(({ text, createdAt }) => [
      text,
      createdAt,
    ])
    await setAside()

    const found = await check()
    expect(found).toMatchObject({ verdict: 'failed' })
    expect(found.detail).toMatch(/knowledge_shard_\d on Chroma at http.* have lost their vectors/)
    expect(found.mend).toContain('npm run doctor -- --fix --stack test')

    const treated = await treat()
    expect(treated.lostVectors).toBeGreaterThan(SAVED_AFTER / 2)
    expect(treated.embeddedAnew).toBe(treated.lostVectors - GIVEN)
    expect(treated.given).toEqual([{ creator: giver.id, document: 'given', records: GIVEN }])
    expect(treated.sound).toBe(false)
    expect(await foundByOwnVector('text 7')).toEqual(['text 7'])
    const after = (await writer.get({}, { limit: 1000 })).map(({ text, createdAt }) => [
      text,
      createdAt,
    ])
    expect(after).toEqual(texts)

    // Only who gave those vectors has them.
    await giver.delete({ documents: ['given'] })
    expect(await treat()).toMatchObject({ lostVectors: 0, sound: true })
    expect(await check(true)).toMatchObject({ verdict: 'passed' })
  })

  it('a kill while it was saved is found, and mended once its folder was moved away', async () => {
    const killed = Promise.withResolvers<void>()
    const watcher = watch(folder, (_, file) => {
      if (file !== 'index_metadata.pickle') return
      watcher.close()
      chroma.kill().then(killed.resolve, killed.reject)
    })
    const kept: string[] = []
    try {
      for (let first = WRITTEN; first < WRITTEN + 2 * SAVED_AFTER; first += 250) {
        await writer.upsert(texts(first, 250))
        kept.push(`text ${first}`)
      }
    } catch {
      // It was killed in the middle.
    }
    await killed.promise
    // As nearly half of such kills leave it, but not each.
    await truncate(join(folder, 'index_metadata.pickle'), SAVED_AFTER)
    await chroma.start()
    const found = await check()
    expect(found).toMatchObject({
      verdict: 'failed',
      detail: expect.stringMatching(/knowledge_shard_\d on Chroma at http.* cannot be read/),
    })
    const { stdout, code } = await doctorCommand()
    expect(code).toBe(1)
    const { shards } = JSON.parse(stdout)
    expect(shards[0].unreadable).toContain('pickle')

    await setAside()
    const treated = await treat()
    expect(treated.embeddedAnew).toBeGreaterThan(0)
    for (const text of ['text 3', ...kept]) expect(await foundByOwnVector(text)).toEqual([text])
  })

  it('what the index does not find though its vectors are there is written anew as it is', async () => {
    const { shards } = knowledge
    const [[shard, { id }]] = [...(await shards.existing())] as unknown as [
      [number, { id: string }],
    ]
    const records = shards.server(shard).records(shards.database, id)
    const all = await records.ids(GIVEN, WRITTEN)
    const unlinked = new Set([all[3], all[400]])
    // Links that lead nowhere cannot be made on purpose: these records are left out of what the index answers.
    const hiding = await openDeployment(outputs(), {
      fetch: (async (input, init) => {
        const answer = await fetch(input, init)
        if (!String(input).endsWith('/query')) return answer
        const { ids, distances } = (await answer.json()) as {
          ids: [string[]]
          distances: [number[]]
        }
        const kept = ids[0].filter(found => !unlinked.has(found))
        return Response.json({ ids: [kept], distances: [distances[0].slice(0, kept.length)] })
      }) as typeof fetch,
    })
    const before = await writer.get({}, { limit: 1000 })
    const [treated] = await diagnose(hiding.knowledge(), FIX)
    await hiding.close()
    expect(treated).toMatchObject({ lostVectors: 0, notFound: 2, rewritten: 2, sound: true })
    expect(await records.size()).toBe(GIVEN + WRITTEN)
    expect((await records.ids(0, GIVEN + WRITTEN)).filter(of => unlinked.has(of))).toEqual([])
    const byName = (chunks: typeof before) =>
      chunks.toSorted((x, y) => (x.document < y.document ? -1 : 1))
    const after = await writer.get({}, { limit: 1000 })
    const listed = new Set(after.map(({ document }) => document))
    expect(
      byName(after).filter(({ document }) => before.some(of => of.document === document)),
    ).toEqual(byName(before).filter(({ document }) => listed.has(document)))
  })

  /** `npm run doctor`, without mending. */
  function doctorCommand(): Promise<{ stdout: string; code: unknown }> {
    const cli = join(PROJECT_ROOT, 'provision/cli.ts')
    const env = {
      ...process.env,
      CHROMADB_URL: chroma.url,
      OLLAMA_URL: 'http://127.0.0.1:9',
      EMBEDDING_MODEL: EMBEDDING_MODEL.name,
    }
    return new Promise(resolve => {
      execFile(process.execPath, [cli, 'doctor', '--json'], { env }, (error, stdout) =>
        resolve({ stdout, code: error === null ? 0 : error.code }),
      )
    })
  }
})
