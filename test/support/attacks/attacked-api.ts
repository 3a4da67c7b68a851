import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { makeKeyFile, readKeyFile } from '../../../checks/api/auth/keys.ts'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { minutes } from '../../../infra/units.ts'
import { startServingProcess } from '../api/api-process.ts'
import { startChroma } from '../servers/chroma.ts'
import { freePort } from '../servers/ports.ts'
import { outputsOf } from '../store/deployment.ts'
import type { Attack } from './attack.ts'
import { DIMENSION, METADATA } from './attack-bodies.ts'
import { startElsewhere } from './attack-elsewhere.ts'
import { type Call, Neighbour } from './neighbour.ts'
import { startStandInOllama } from './stand-in-ollama.ts'

/** What the API's process holds. */
export interface Held {
  /** Requests under way, in all lanes. */
  requests: number
  /** Of their bodies and answers. */
  bytes: number
  /** Connections of callers. */
  connections: number
  descriptors: number
  /** Bytes. */
  resident: number
  /** Bytes of its heap, and of buffers outside it, that are in use: what nothing refers to was collected before. */
  used: number
}

/** What an attack does to others. */
export interface Attacked {
  calls: Call[]
  before: Held
  after: Held
}

/** Of its clients to Chroma and Ollama, which open as many as they need and keep them. */
export const POOLED = 24
/** Milliseconds in which everything is given back: what was under way for the attacker may take its time. */
const CALM = 20_000

/** Chunks that one load has. */
const FILLED_AT_ONCE = 10_000
/** Chunks that each of the others has. */
const CHUNKS_OF_OTHERS = 100

/** Where the attacks come from. The neighbour comes from 127.0.0.1. */
const ATTACKER = '127.0.0.2'

/**
 * The API as a process of its own, with a real Chroma, to be attacked while a neighbour uses it.
 * @param others chunks that other creators have there, with the metadata that attackers filter by
 */
export async function startAttackedApi(others = 0) {
  const folder = await mkdtemp(join(tmpdir(), 'attacks-'))
  const chroma = await startChroma()
  const ollama = await startStandInOllama()
  const [file, keyFile] = [join(folder, 'outputs.json'), join(folder, 'keys.json')]
  const servers = { chroma: [chroma.url], ollama: ollama.url, dimensions: DIMENSION }
  const outputs = outputsOf(servers)
  await fill(outputs, others)
  await writeFile(file, JSON.stringify(outputs))
  await makeKeyFile(keyFile)
  const keys = await readKeyFile(keyFile)
  const tokenFor = (creator: string) => makeToken(keys, { scope: 'creator', creator }, minutes(60))
  const inspector = await freePort()
  const api = await startServingProcess({
    KNOWLEDGE_API_OUTPUTS: file,
    KNOWLEDGE_API_KEYS: keyFile,
    KNOWLEDGE_API_LOG: 'error',
    NODE_OPTIONS: `--inspect=127.0.0.1:${inspector}`,
  })
  const token = await tokenFor('neighbour')

  /** When nobody calls. */
  const calm = async (before?: Held): Promise<Held> => {
    const deadline = Date.now() + CALM
    for (;;) {
      const held = await heldBy(api)
      const isCalm =
        held.requests === 0 &&
        held.bytes === 0 &&
        held.connections === 0 &&
        held.descriptors <= (before?.descriptors ?? held.descriptors) + POOLED
      if (isCalm || Date.now() > deadline) {
        await collectGarbage(inspector)
        return heldBy(api)
      }
      await sleep(100)
    }
  }

  return {
    api,
    /** Everything is as usual while the neighbour calls alone. */
    undisturbed: (millis: number) => during(undefined, millis),
    attacked: (attack: Attack, millis: number) => during(attack, millis),
    async stop() {
      api.child.kill('SIGKILL')
      await api.ended
      await ollama.stop()
      await chroma.stop()
      await rm(folder, { recursive: true })
    },
  }

  async function during(attack: Attack | undefined, millis: number): Promise<Attacked> {
    const before = await calm()
    const from = { port: api.port, from: ATTACKER, keyFile }
    const running = attack && (await startElsewhere(attack.name, from))
    const neighbour = new Neighbour(api.url, token)
    await sleep(millis)
    await neighbour.stop()
    await running?.stop()
    return { calls: neighbour.calls, before, after: await calm(before) }
  }
}

async function fill(outputs: Outputs, count: number): Promise<void> {
  if (count === 0) return
  const deployment = await openDeployment(outputs)
  for (let at = 0; at < count; at += FILLED_AT_ONCE) {
    const creators = Array.from({ length: FILLED_AT_ONCE / CHUNKS_OF_OTHERS }, (_, index) => {
      const creator = `other ${at / CHUNKS_OF_OTHERS + index}`
      const chunks = Array.from({ length: CHUNKS_OF_OTHERS }, (_, chunk) => {
        const text = `${creator} ${chunk}`
        return { text, vector: vectorFor(text, DIMENSION) }
      })
      return [creator, [{ id: 'd', chunks, metadata: METADATA }]] as const
    })
    await deployment.knowledge().upsert(new Map(creators))
  }
  await deployment.close()
}

type Api = Awaited<ReturnType<typeof startServingProcess>>

async function heldBy({ child, url, port }: Api): Promise<Held> {
  const answer = await fetch(`${url}/metrics`, { headers: { connection: 'close' } })
  const metrics = await answer.text()
  const sum = (pattern: RegExp) =>
    [...metrics.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0)
  return {
    requests: sum(/^knowledge_api_requests_under_way\{.*\} (\d+)$/gm),
    bytes: sum(/^knowledge_api_bytes_under_way\{.*\} (\d+)$/gm),
    resident: sum(/^process_resident_memory_bytes (\d+)$/gm),
    used: sum(/^nodejs_(?:heap_size_used|external_memory)_bytes (\d+)$/gm),
    connections: await connectionsTo(port),
    descriptors: (await readdir(`/proc/${child.pid}/fd`)).length,
  }
}

/** Has a process of Node.js collect what nothing refers to. @param port of its inspector on loopback */
async function collectGarbage(port: number): Promise<void> {
  const [target] = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as [
    { webSocketDebuggerUrl: string },
  ]
  const socket = new WebSocket(target.webSocketDebuggerUrl)
  await once(socket, 'open')
  socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }))
  await once(socket, 'message')
  socket.close()
  await once(socket, 'close')
}

const ESTABLISHED = '01'

/** Connections to this port of loopback, without those that are only remembered. */
async function connectionsTo(port: number): Promise<number> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n')
  return lines.filter(line => {
    const [, local, , state] = line.trim().split(/ +/)
    return local?.endsWith(`:${hex}`) && state === ESTABLISHED
  }).length
}
