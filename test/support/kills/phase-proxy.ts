import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CollectionNames } from './collection-names.ts'
import type { OperationPhases, Passing, Phase } from './phases.ts'

export const MOMENTS = ['before', 'under way', 'after'] as const
/** Before a request goes on to Chroma, while it is there, or when Chroma has answered and nobody has heard of it. */
export type Moment = (typeof MOMENTS)[number]

/** Something that is to happen at the first request of a phase. */
export interface Trap {
  phase: Phase
  moment: Moment
  /** How long a request is left with Chroma, in milliseconds, when it is to happen under way. */
  delay: number
  /** @param moment what it really was: Chroma may have been faster */
  spring(passing: Passing, moment: Moment): Promise<void>
}

interface Answered {
  status: number
  type: string | undefined
  body: Buffer
}

/** The way of one process to Chroma, which tells the phases of what goes by. */
export class PhaseProxy {
  readonly url: string
  trap: Trap | undefined
  /** Requests of this phase are answered with an error, and do not come to Chroma. */
  refused: Phase | undefined
  readonly #server: Server
  readonly #target: URL
  readonly #names: CollectionNames
  readonly #phases: OperationPhases
  readonly #agent = new Agent({ keepAlive: true })

  private constructor(
    server: Server,
    target: string,
    names: CollectionNames,
    phases: OperationPhases,
  ) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    this.#server = server
    this.#target = new URL(target)
    this.#names = names
    this.#phases = phases
  }

  static async before(
    target: string,
    names: CollectionNames,
    phases: OperationPhases,
  ): Promise<PhaseProxy> {
    const server = createServer((incoming, outgoing) => {
      proxy.#pass(incoming, outgoing).catch(() => outgoing.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new PhaseProxy(server, target, names, phases)
    return proxy
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
    this.#agent.destroy()
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { url: path = '', method } = incoming
    const body = await buffer(incoming)
    const passing = method === 'POST' ? this.#passing(path, body) : undefined
    if (passing !== undefined && passing.phase === this.refused) {
      outgoing.writeHead(500).end()
      return
    }
    const trap = passing?.phase === this.trap?.phase ? this.trap : undefined
    // Once only, whatever comes while it happens.
    if (trap !== undefined) this.trap = undefined
    const spring = async (moment: Moment) => trap?.spring(passing!, moment)
    if (trap?.moment === 'before') await spring('before')
    if (outgoing.destroyed) return

    // As without a proxy: who is gone takes its request along.
    const left = new AbortController()
    outgoing.once('close', () => left.abort())
    let isAnswered = false
    const answer = this.#send(incoming, body, left.signal).finally(() => {
      isAnswered = true
    })
    if (trap?.moment === 'under way') {
      await Promise.race([sleep(trap.delay), answer.catch(() => {})])
      await spring(isAnswered ? 'after' : 'under way')
    }
    const { status, type, body: text } = await answer
    if (status < 300) passing?.done()
    this.#names.learn(path, status, text.toString())
    if (trap?.moment === 'after') await spring('after')
    outgoing.writeHead(status, type === undefined ? {} : { 'content-type': type })
    outgoing.end(text)
  }

  #passing(path: string, body: Buffer): Passing | undefined {
    const route = this.#names.find(path)
    return route && this.#phases.of({ ...route, body: JSON.parse(body.toString()) })
  }

  async #send(incoming: IncomingMessage, body: Buffer, signal: AbortSignal): Promise<Answered> {
    const { method, url: path, headers } = incoming
    const { hostname, port } = this.#target
    const sent = request({ agent: this.#agent, hostname, port, method, path, headers, signal })
    sent.end(body)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    const type = answer.headers['content-type']
    return { status: answer.statusCode!, type, body: await buffer(answer) }
  }
}
