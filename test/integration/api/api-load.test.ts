import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { makeKeyFile, readKeyFile } from '../../../checks/api/auth/keys.ts'
import { DOCUMENT_BODY } from '../../../checks/api/traffic/limits.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { API_MEMORY } from '../../../infra/servers/api-program.ts'
import { minutes } from '../../../infra/units.ts'
import { creatorPath, documentPath } from '../../support/api/api.ts'
import { type ApiProcess, peakMemory, startServingProcess } from '../../support/api/api-process.ts'
import { Gate } from '../../support/api/gate.ts'
import { STORED } from '../../support/api/stored.ts'
import { startTinyDeployment, type TinyDeployment } from '../../support/store/tiny-deployment.ts'

const CALLERS = 200
const ROUNDS = 4
const PHASES = 2
const SLOW_READERS = 20
/** What a caller waits for after a refusal: as long as it was told to. */
const PAUSE_MS = 1000
/** Documents that are acknowledged before a server is disturbed. */
const ENOUGH = 50
const DIMENSION = 768
const AI = '/api/v1/ai'

describe('the API under the load of 200 callers', () => {
  let folder: string
  let tiny: TinyDeployment
  let ollama: Gate
  let api: ApiProcess & { url: string; port: number }
  let token: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'load-'))
    tiny = await startTinyDeployment()
    const { outputs } = tiny
    ollama = await Gate.before(outputs.ollama[0].reach.url)
    outputs.ollama = [{ pool: 'default', reach: { kind: 'direct', url: ollama.url } }]
    const [file, keys] = [join(folder, 'outputs.json'), join(folder, 'keys.json')]
    await writeFile(file, JSON.stringify(outputs))
    await makeKeyFile(keys)
    token = await makeToken(await readKeyFile(keys), { scope: 'service' }, minutes(60))
    api = await startServingProcess({
      KNOWLEDGE_API_OUTPUTS: file,
      KNOWLEDGE_API_KEYS: keys,
      KNOWLEDGE_API_REQUESTS_PER_MINUTE: '1000000',
    })
  })
  afterAll(async () => {
    api.child.kill('SIGTERM')
    expect(await api.ended).toMatchObject({ code: 0, stderr: '' })
    await ollama?.stop()
    await tiny?.stop()
    await rm(folder, { recursive: true })
  })

  async function call(method: string, path: string, body?: unknown) {
    const response = await fetch(api.url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }

  /** Every caller has its requests sent one after another, all callers at once. @returns answers by status */
  async function load(one: (caller: number, round: number) => ReturnType<typeof call>) {
    const seen = new Map<number, number>()
    const callers = Array.from({ length: CALLERS }, async (_, caller) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { status, headers } = await one(caller, round)
        seen.set(status, (seen.get(status) ?? 0) + 1)
        if (status === 503 || status === 429) expect(headers.get('retry-after')).not.toBeNull()
      }
    })
    await Promise.all(callers)
    return seen
  }

  const documentOf = (name: string, chunks: number) => ({
    chunks: Array.from({ length: chunks }, (_, index) => ({
      text: `${name} ${index} `.repeat(20),
      vector: vectorFor(`${name} ${index}`, DIMENSION),
    })),
  })
  const small = (name: string) => ({ chunks: [{ text: name, vector: vectorFor(name, DIMENSION) }] })
  const LARGEST = JSON.stringify(documentOf('largest', 240))

  const mixed = (caller: number, round: number) => {
    const creator = `creator ${caller % 20}`
    const document = caller % 8 === 0 ? LARGEST : documentOf(`${caller} ${round}`, 50)
    const kinds = [
      () => call('PUT', documentPath(creator, `${caller}`), document),
      () => call('POST', creatorPath(creator, 'query'), { vector: vectorFor('q', DIMENSION) }),
      () => call('POST', creatorPath(creator, 'query'), { text: 'a question' }),
      () => call('GET', creatorPath(creator, 'documents')),
      () => call('POST', `${AI}/ollama/test-embedding`, { text: 'load' }),
      () => call('POST', `${AI}/ollama/test-chat`, { maxTokens: 8 }),
      () => call('GET', `${AI}/models/status`),
    ]
    return kinds[(caller + round) % kinds.length]!()
  }

  it('answers or sheds each request, within the memory that the plan sets aside for it', async () => {
    expect(LARGEST.length).toBeGreaterThan(0.8 * DOCUMENT_BODY)
    const readers = Array.from({ length: SLOW_READERS }, () => readSlowly())
    for (let phase = 0; phase < PHASES; phase += 1) {
      const seen = await load(mixed)
      // What is put in place of another is answered as what is read.
      expect([...seen.keys()].filter(status => status !== 201).toSorted()).toEqual([200, 503])
      expect(await peakMemory(api)).toBeLessThan(API_MEMORY)
    }
    for (const reader of readers) reader.destroy()
    await answersAgain()
  })

  /** Asks for large answers and takes none of them. */
  function readSlowly() {
    const path = `${documentPath('creator 0', '0')}?limit=500`
    const socket = connect(api.port, '127.0.0.1').pause()
    const one = `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`
    socket.on('error', () => {}).write(one)
    return socket
  }

  /** When the load is gone, and what was killed is back: by itself, without a restart. */
  async function answersAgain() {
    for (const server of ['chromadb', 'ollama']) {
      while ((await call('GET', `${AI}/${server}/health`)).status !== 200) await sleep(100)
    }
    const { status } = await call('PUT', documentPath('after', 'd'), { text: 'after' })
    expect(STORED).toContain(status)
  }

  /** Puts documents, disturbs a server in the middle of it, and looks for all that was acknowledged. */
  async function losesNothing(
    document: (name: string) => object,
    disturb: () => Promise<void>,
    mend: () => Promise<void>,
  ) {
    const acknowledged = new Set<string>()
    const seen = new Set<number>()
    let over = false
    const callers = Array.from({ length: CALLERS }, async (_, caller) => {
      for (let round = 0; !over; round += 1) {
        const name = `${caller} ${round}`
        const { status } = await call('PUT', documentPath('kept', name), document(name))
        seen.add(status)
        if (STORED.includes(status)) acknowledged.add(name)
        else await sleep(PAUSE_MS)
      }
    })
    // Not after so many requests: most are shed, on a slow machine all until then.
    while (acknowledged.size < ENOUGH) await sleep(10)
    await disturb()
    over = true
    await Promise.all(callers)
    await mend()
    await answersAgain()
    expect([...seen].filter(status => !STORED.includes(status))).toEqual([503])
    for (const name of acknowledged) {
      expect(await call('GET', documentPath('kept', name))).toMatchObject({
        status: 200,
        body: { document: name },
      })
    }
  }

  it('loses nothing that it acknowledged when Chroma is killed, says so, and recovers', async () => {
    const disturb = async () => {
      await tiny.chroma.kill()
      expect((await call('GET', `${AI}/chromadb/health`)).status).toBe(503)
    }
    await losesNothing(small, disturb, () => tiny.chroma.start())
  })

  it('loses nothing that it acknowledged when Ollama is gone, says so, and recovers', async () => {
    const disturb = async () => {
      ollama.mode = 'close'
      expect((await call('GET', `${AI}/ollama/health`)).status).toBe(503)
    }
    const mend = async () => {
      ollama.mode = 'open'
    }
    await losesNothing(text => ({ text }), disturb, mend)
  })
})
