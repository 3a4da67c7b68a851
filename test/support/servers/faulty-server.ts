import Fastify, { type FastifyInstance } from 'fastify'
import { MiB } from '../../../infra/units.ts'

/** A request on its way to a real server. */
export interface Exchange {
  method: string
  /** Whether it comes with a token. */
  authorised: boolean
  /** With the query. */
  path: string
  // biome-ignore lint/suspicious/noExplicitAny: every route takes something else, and a fault looks into it
  body: any
  /** Asks the real server, with another body where one is given. */
  forward(body?: unknown): Promise<Response>
}

/** Answers in place of the real server; undefined leaves the request alone. */
export type Fault = (exchange: Exchange) => Promise<Response> | undefined

/** More than Chroma takes. */
const BODY_LIMIT = 64 * MiB

/** A way to a real server over HTTP that can be given a fault at any time. */
export class FaultyServer {
  readonly url: string
  fault: Fault | undefined
  readonly #server: FastifyInstance

  private constructor(url: string, server: FastifyInstance) {
    this.url = url
    this.#server = server
  }

  static async before(target: string): Promise<FaultyServer> {
    const server = Fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true })
    server.removeAllContentTypeParsers()
    server.addContentTypeParser(
      '*',
      { parseAs: 'string' },
      async (_request: unknown, body: string) => (body === '' ? undefined : JSON.parse(body)),
    )
    server.all('/*', async ({ method, url: path, body, headers }) => {
      const forward = (sent = body) => pass(target + path, method, sent)
      const authorised = headers.authorization !== undefined
      return (await faulty.fault?.({ method, authorised, path, body, forward })) ?? forward()
    })
    const faulty = new FaultyServer(await server.listen({ port: 0, host: '127.0.0.1' }), server)
    return faulty
  }

  async stop(): Promise<void> {
    await this.#server.close()
  }
}

async function pass(url: string, method: string, body: unknown): Promise<Response> {
  const answer = await fetch(url, {
    method,
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  })
  const type = answer.headers.get('content-type')
  // Its other headers are about a body that was unpacked on the way.
  return new Response(answer.body, {
    status: answer.status,
    ...(type !== null && { headers: { 'content-type': type } }),
  })
}
