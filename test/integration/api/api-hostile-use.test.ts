import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { makeKeyFile, readKeyFile } from '../../../checks/api/auth/keys.ts'
import { minutes } from '../../../infra/units.ts'
import { creatorPath, documentPath } from '../../support/api/api.ts'
import { type ApiProcess, startServingProcess } from '../../support/api/api-process.ts'
import { Gate } from '../../support/api/gate.ts'
import { STORED } from '../../support/api/stored.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 4
const DOCUMENT = { chunks: [{ text: 'one', vector: [1, 0, 0, 0] }] }

/** As long as a body of a document may be, almost. */
const LONG = 3_900_000
const listOf = (part: string) => `[${`${part},`.repeat(LONG / (part.length + 1))}1]`
const keysTo = (value: string, count: number) =>
  `{${Array.from({ length: count }, (_, index) => `"k${index}":${value}`).join()}}`
const shortList = (part: string) => `[${`${part},`.repeat(240_000 / (part.length + 1))}1]`
const put = (body: string) => ['PUT', documentPath('c', 'd'), body] as const
const query = (filter: string) =>
  ['POST', creatorPath('c', 'query'), `{"text":"a","filter":${filter}}`] as const

describe('an API whose callers do their worst', () => {
  let folder: string
  let chroma: RunningChroma
  let gate: Gate
  let api: (ApiProcess & { url: string; port: number }) | undefined
  let token: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hostile-'))
    chroma = await startChroma()
    gate = await Gate.before(chroma.url)
    const outputs = outputsOf({ chroma: [gate.url], dimensions: DIMENSION })
    await writeFile(join(folder, 'outputs.json'), JSON.stringify(outputs))
    await makeKeyFile(join(folder, 'keys.json'))
    const grant = { scope: 'creator', creator: 'c' } as const
    token = await makeToken(await readKeyFile(join(folder, 'keys.json')), grant, minutes(60))
  })
  afterAll(async () => {
    api?.child.kill('SIGKILL')
    await gate?.stop()
    await chroma?.stop()
    await rm(folder, { recursive: true })
  })
  beforeEach(async () => {
    if (isRunning()) return
    api = await startServingProcess({
      KNOWLEDGE_API_OUTPUTS: join(folder, 'outputs.json'),
      KNOWLEDGE_API_KEYS: join(folder, 'keys.json'),
    })
  })
  afterEach(() => {
    gate.mode = 'open'
  })

  const isRunning = () => api?.child.exitCode === null && api.child.signalCode === null

  const headers = () => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' })
  async function call(method: string, path: string, body: string) {
    const answer = await fetch(api!.url + path, { method, headers: headers(), body })
    return { status: answer.status, body: (await answer.json()) as { error: { message: string } } }
  }
  const putWell = () => call('PUT', documentPath('c', 'well'), JSON.stringify(DOCUMENT))

  /** A caller who sends everything, and goes without waiting for the answer. */
  async function putAndLeave(body: string) {
    const options = { method: 'PUT', headers: headers() }
    const sent = request(api!.url + documentPath('c', 'd'), options).on('error', () => {})
    sent.end(body)
    await Promise.race([once(sent, 'finish'), once(sent, 'close')])
    await sleep(60)
    sent.destroy()
  }

  it.each([
    ['metadata of very many keys', put(`{"text":"a","metadata":${keysTo('[]', 250_000)}}`)],
    ['metadata of many keys', put(`{"text":"a","metadata":${keysTo('1', 8000)}}`)],
    ['very many invalid chunks', put(`{"chunks":${listOf('0')}}`)],
    ['chunks whose vectors are full of gaps', put(`{"chunks":[{"vector":${listOf('null')}}]}`)],
    ['keys that nobody knows', put(keysTo('1', 250_000))],
    ['a filter of very many clauses', query(`{"$or":${shortList('{"a":[]}')}}`)],
    ['a filter of numbers', query(`{"$or":${shortList('1')}}`)],
    ['a filter of many keys', query(keysTo('1', 8000))],
    ['a condition of many values', query(`{"a":{"$in":${shortList('1')}}}`)],
    ['a filter that is deep', query(`${'{"$and":['.repeat(5000)}1${']}'.repeat(5000)}`)],
  ])('refuses %s, in a few words, and goes on', async (_what, [method, path, body]) => {
    const refused = await call(method, path, body)
    expect({ status: refused.status, shown: refused.body }).toMatchObject({ status: 400 })
    expect(refused.body.error.message.length).toBeLessThanOrEqual(500)
    expect(STORED).toContain((await putWell()).status)
  })

  it('holds no more than it has room for when callers leave while Chroma hangs', async () => {
    expect(STORED).toContain((await putWell()).status)
    gate.mode = 'hang'
    const chunks = Array.from({ length: 900 }, (_, index) => ({
      text: `${index} `.repeat(800),
      vector: [1, 0, 0, index],
    }))
    const body = JSON.stringify({ chunks })
    for (let caller = 0; caller < 100; caller += 1) await putAndLeave(body)
    expect(isRunning()).toBe(true)
    gate.mode = 'open'
    while ((await putWell()).status !== 200) await sleep(200)
  })

  it('tells everybody when it stops, also those who wait behind others', async () => {
    gate.mode = 'hang'
    const waiting = [putWell(), putWell(), fetch(`${api!.url}/api/v1/ai/chromadb/stats`)]
    await sleep(300)
    api!.child.kill('SIGTERM')
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([503, 503, 503])
    expect(await api!.ended).toMatchObject({ code: 0 })
  })
})
