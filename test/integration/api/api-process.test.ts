import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { makeKeyFile, readKeyFile } from '../../../checks/api/auth/keys.ts'
import { minutes } from '../../../infra/units.ts'
import { creatorPath } from '../../support/api/api.ts'
import { API_MAIN, startApiProcess, startServingProcess } from '../../support/api/api-process.ts'
import { Gate } from '../../support/api/gate.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

describe('the API as a process', () => {
  let folder: string
  let chroma: RunningChroma
  let gate: Gate
  let keys: string
  let outputs: string
  const started: ChildProcess[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'api-'))
    chroma = await startChroma()
    gate = await Gate.before(chroma.url)
    keys = join(folder, 'keys.json')
    outputs = join(folder, 'outputs.json')
    await makeKeyFile(keys)
    await writeFile(outputs, JSON.stringify(outputsOf({ chroma: [gate.url] })))
  })
  afterAll(async () => {
    await gate?.stop()
    await chroma?.stop()
    await rm(folder, { recursive: true })
  })
  afterEach(() => {
    gate.mode = 'open'
    for (const child of started.splice(0)) child.kill('SIGKILL')
  })

  function start(env: NodeJS.ProcessEnv) {
    const api = startApiProcess(env)
    started.push(api.child)
    return api
  }

  async function startWell() {
    const env = { KNOWLEDGE_API_OUTPUTS: outputs, KNOWLEDGE_API_KEYS: keys }
    const api = await startServingProcess(env)
    started.push(api.child)
    return api
  }

  const serviceToken = async () =>
    makeToken(await readKeyFile(keys), { scope: 'service' }, minutes(1))

  it('serves on loopback only, with the keys of its file, and ends with 0 when told to', async () => {
    const { child, ended, url, port } = await startWell()
    const tcp = await readFile('/proc/net/tcp', 'utf8')
    const hex = port.toString(16).toUpperCase().padStart(4, '0')
    expect(tcp).toContain(` 0100007F:${hex} 00000000:0000 0A`)
    expect(tcp).not.toContain(` 00000000:${hex} `)

    const headers = { authorization: `Bearer ${await serviceToken()}` }
    const answer = await fetch(url + creatorPath('a', 'documents'), { headers })
    expect(answer.status).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, stderr: '' })
  })

  it.each([
    ['on every address', {}, 1],
    ['on every address, of which nobody but this machine reaches it', { LOOPBACK: 'true' }, 0],
    ['on every address, behind a proxy that is named', { PROXIES: '192.0.2.7' }, 0],
    ['on loopback', { HOST: '127.0.0.1' }, 0],
  ])('%s: warns of tokens without TLS %o, %i times', async (_where, settings, warnings) => {
    const named = Object.entries({ HOST: '0.0.0.0', ...settings }).map(([name, value]) => [
      `KNOWLEDGE_API_${name}`,
      value,
    ])
    const env = { KNOWLEDGE_API_OUTPUTS: outputs, ...Object.fromEntries(named) }
    const { child, ended } = await startServingProcess(env)
    started.push(child)
    child.kill('SIGTERM')
    expect((await ended).stdout.match(/without TLS.*KNOWLEDGE_API_HOST/g) ?? []).toHaveLength(
      warnings,
    )
  })

  it('answers on, and ends when told to, while its log cannot be written since the disk is full', async () => {
    const full = await open('/dev/full', 'a')
    const env = { KNOWLEDGE_API_OUTPUTS: outputs, KNOWLEDGE_API_KEYS: keys }
    const { child, ended, url } = await startServingProcess(env, full.fd)
    started.push(child)
    for (let asked = 0; asked < 5; asked += 1) {
      const health = await fetch(`${url}/api/v1/ai/chromadb/health`, {
        signal: AbortSignal.timeout(5000),
      })
      expect(health.status).toBe(200)
    }
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
    await full.close()
  })

  it('tells neither its log nor its process list what is in the key file', async () => {
    const { child, ended } = await startWell()
    const [{ k }] = JSON.parse(await readFile(keys, 'utf8')).keys
    const parts = ['cmdline', 'environ'].map(part => readFile(`/proc/${child.pid}/${part}`, 'utf8'))
    for (const part of await Promise.all(parts)) expect(part).not.toContain(k)
    child.kill('SIGTERM')
    expect((await ended).stdout).not.toContain(k)
  })

  it('gives creators’ data to nobody when it has no keys', async () => {
    const api = await startServingProcess({ KNOWLEDGE_API_OUTPUTS: outputs })
    started.push(api.child)
    const headers = { authorization: `Bearer ${await serviceToken()}` }
    for (const init of [{}, { headers }]) {
      expect((await fetch(api.url + creatorPath('a', 'documents'), init)).status).toBe(401)
    }
  })

  it('finishes what is under way before it ends, and takes nothing new', async () => {
    const { child, ended, url, port } = await startWell()
    gate.mode = 'hang'
    const headers = { authorization: `Bearer ${await serviceToken()}` }
    const underWay = fetch(url + creatorPath('a', 'documents'), { headers })
    const seen = async () => (await fetch(`${url}/metrics`)).text()
    while (!(await seen()).includes('under_way{lane="read"} 1')) await sleep(50)

    child.kill('SIGTERM')
    const refused = async () => {
      const socket = connect(port, '127.0.0.1')
      return once(socket, 'connect').then(
        () => socket.destroy() && false,
        () => true,
      )
    }
    while (!(await refused())) await sleep(50)
    gate.mode = 'open'
    expect((await underWay).status).toBe(200)
    expect(await ended).toMatchObject({ code: 0 })
  })

  it('ends although a server never answers and a caller never goes away', async () => {
    const { child, ended, url, port } = await startWell()
    gate.mode = 'hang'
    const headers = { authorization: `Bearer ${await serviceToken()}` }
    const left = fetch(url + creatorPath('a', 'documents'), { headers })
    const silent = connect(port, '127.0.0.1')
    silent.on('error', () => {})
    silent.write(
      'POST /api/v1/ai/models/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n',
    )
    const seen = async () => (await fetch(`${url}/metrics`)).text()
    while (!(await seen()).includes('under_way{lane="read"} 1')) await sleep(50)
    child.kill('SIGTERM')
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0 })
    expect((await left).status).toBe(503)
  })

  describe('is not started, and says what to do,', () => {
    it.each([
      ['without a deployment', {}, 'set KNOWLEDGE_API_OUTPUTS'],
      ['with outputs that are not there', { KNOWLEDGE_API_OUTPUTS: '/nowhere' }, 'ENOENT'],
      ['with invalid outputs', { KNOWLEDGE_API_OUTPUTS: API_MAIN }, 'no outputs of a stack'],
      ['with keys that are not there', { KNOWLEDGE_API_KEYS: '/nowhere' }, '/nowhere'],
      ['with an invalid port', { KNOWLEDGE_API_PORT: '70000' }, 'KNOWLEDGE_API_PORT is "70000"'],
      [
        'with logs that are no list',
        { KNOWLEDGE_API_LOGS: '/srv/api.log' },
        'KNOWLEDGE_API_LOGS is "/srv/api.log": allowed is a JSON array',
      ],
      ['with a wrong log level', { KNOWLEDGE_API_LOG: 'loud' }, 'KNOWLEDGE_API_LOG is "loud"'],
    ])('%s', async (what, env, message) => {
      const base = what === 'without a deployment' ? {} : { KNOWLEDGE_API_OUTPUTS: outputs }
      const { code, stdout, stderr } = await start({ ...base, ...env }).ended
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toContain(message)
      expect(stderr).not.toMatch(/^ +at /m)
    })

    it('on a port that is taken', async () => {
      const { port } = await startWell()
      const env = { KNOWLEDGE_API_OUTPUTS: outputs, KNOWLEDGE_API_PORT: `${port}` }
      const { code, stderr } = await start(env).ended
      expect(code).toBe(3)
      expect(stderr).toContain(`Port ${port} of 127.0.0.1 is in use`)
    })
  })
})
