import { readFile } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { blobPath } from '../../../checks/models/model-files.ts'
import { mirrorServer } from '../../../provision/models/model-mirror.ts'

/**
 * What is wrong with the content that a mirror gives:
 * - `stalls`: nothing comes from LIMIT on
 * - `closes`: each connection ends after LIMIT bytes
 * - `truncates`: the second half does not exist
 * - `corrupts`: one byte is another
 * - `fails`: status 500 in its place
 */
export type Defect = 'stalls' | 'closes' | 'truncates' | 'corrupts' | 'fails'

const LIMIT = 4 * 1024 * 1024

/** A real mirror whose blobs above LIMIT have a defect, as long as one is set. */
export class FaultyMirror {
  defect: Defect | undefined
  /** Where the requests for content began, in bytes. */
  readonly starts: number[] = []
  readonly #folder: string
  readonly #server: ReturnType<typeof mirrorServer>
  #host = ''

  constructor(folder: string) {
    this.#folder = folder
    this.#server = mirrorServer(folder)
    this.#server.addHook<{ Params: { digest?: string } }>('onRequest', async (request, reply) => {
      const { digest } = request.params
      return digest && this.#answer(digest, request, reply)
    })
  }

  async start(): Promise<this> {
    this.#host = new URL(await this.#server.listen({ port: 0, host: '127.0.0.1' })).host
    return this
  }

  /** As a source that a model request names. */
  get source() {
    return { host: this.#host, namespace: 'library', insecure: true }
  }

  close = (): Promise<void> => this.#server.close()

  async #answer(digest: string, { method, headers }: FastifyRequest, reply: FastifyReply) {
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
    if (range) this.starts.push(Number(range[1]))
    const blob = await readFile(blobPath(this.#folder, digest))
    if (this.defect === undefined || blob.length <= LIMIT) return undefined
    const whole = this.defect === 'truncates' ? blob.subarray(0, blob.length / 2) : blob
    if (!range && method !== 'HEAD') return undefined
    if (range && this.defect === 'fails') return reply.code(500).send('out of order')

    reply.hijack()
    if (!range) {
      reply.raw.writeHead(200, { 'content-length': whole.length }).end()
      return reply
    }
    const [start, end] = [Number(range[1]), Number(range[2]) + 1]
    if (this.defect === 'corrupts') whole[LIMIT] = whole[LIMIT]! ^ 1
    reply.raw.writeHead(206, { 'content-length': Math.min(end, whole.length) - start })
    if (this.defect === 'stalls') {
      reply.raw.write(whole.subarray(start, Math.max(start, LIMIT)))
    } else if (this.defect === 'closes' && end - start > LIMIT) {
      reply.raw.write(whole.subarray(start, start + LIMIT), () => reply.raw.destroy())
    } else {
      reply.raw.end(whole.subarray(start, end))
    }
    return reply
  }
}
