import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpError } from '../errors.ts'
import { DOCUMENT_BODY, LAST_WORDS } from './limits.ts'

/** Whether a request says in its headers that a body follows. */
export const announcesBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** For an answer that is given before the body has come: what still comes is not waited for. */
export const CLOSES = { connection: 'close' }

/** Refuses a body where a route takes none: nobody would read it, and it would hold the connection. */
export function refuseNeedlessBodies(api: FastifyInstance): void {
  api.addHook('onRequest', async request => {
    if (request.is404 || request.routeOptions.schema?.body !== undefined) return
    if (announcesBody(request)) {
      throw new HttpError(400, 'invalid', 'This call takes no body', CLOSES)
    }
  })
}

/**
 * Closes the connection after an answer that is given before the body has come. What comes of it in the next moment is
 * read past, and not taken apart any more: whoever is still sending when a connection is closed under it loses the answer
 * as well.
 */
export function closeAfterEarlyAnswers(api: FastifyInstance): void {
  api.addHook('onSend', async (request, reply) => {
    const { raw } = request
    if (raw.complete || !announcesBody(request)) return
    const { socket } = raw
    reply.headers(CLOSES)
    raw.resume()
    // What Node calls when the last answer of a connection is out.
    socket.destroySoon = () => {
      let left: number = DOCUMENT_BODY
      socket.removeAllListeners('data').on('data', piece => {
        left -= piece.length
        if (left < 0) socket.destroy()
      })
      socket.end()
      setTimeout(() => socket.destroy(), LAST_WORDS).unref()
    }
  })
}
