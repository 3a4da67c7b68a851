import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { formatBytes, KiB } from '../../../infra/units.ts'
import { HttpError } from '../errors.ts'
import { announcesBody, CLOSES } from './announced-body.ts'
import { BodyRate, SLOWEST } from './body-rate.ts'
import { BodyTurns } from './body-turns.ts'
import { whatIsTooMuch } from './json-scan.ts'
import { holderOf } from './lanes.ts'
import { PIECE, SMALL_PIECES } from './limits.ts'

/** Pieces that are put together when there are so many, since each takes some hundred bytes beside its own. */
const GATHERED = 256

/** Bytes from which on it takes long to look through a body, parse and check it: these are done in turn. */
const LARGE = 64 * KiB

/**
 * Takes JSON bodies, and no others. All bounds on a body hold before anything is made of it: room is taken for its
 * bytes as they arrive and for the request when they have, it has to keep coming, and it is looked through before it is
 * parsed.
 */
export function takeJsonBodies(api: FastifyInstance): void {
  api.removeContentTypeParser(['application/json', 'text/plain'])
  const rate = new BodyRate()
  const turns = new BodyTurns()
  const parse = api.getDefaultJsonParser('error', 'error')
  api.addContentTypeParser('application/json', (request: FastifyRequest, payload, done) => {
    /** What `done` calls is done at once: the body is checked, and the work on it begun. */
    const takeBody = (body: Buffer) => {
      try {
        if (request.raw.socket.destroyed) throw gone
        const wrong = whatIsTooMuch(body)
        if (wrong !== undefined) throw new HttpError(400, 'invalid', `body: ${wrong}`)
        if (announcesBody(request)) request.hold?.take(1, 0)
        void parse(request, body.toString(), done)
      } catch (error) {
        done(error as Error)
      }
    }
    readBody(request, payload, rate).then(body => {
      if (body.length < LARGE) takeBody(body)
      else turns.add(holderOf(request.caller), () => takeBody(body))
    }, done)
  })
}

/** @throws HttpError when it is too long, too slow or in too many pieces, or there is no room for it */
function readBody(request: FastifyRequest, payload: Readable, rate: BodyRate): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const { bodyLimit } = request.routeOptions
  const gathered: Buffer[] = []
  let pieces: Buffer[] = []
  let [bytes, count] = [0, 0]
  const end = (error?: Error) => {
    watched.done()
    payload.off('data', onData).off('end', onEnd).off('error', onGone)
    if (error === undefined) resolve(Buffer.concat([...gathered, ...pieces], bytes))
    else reject(error)
  }
  const onEnd = () => end()
  const onGone = () => end(gone)
  const onData = (piece: Buffer) => {
    bytes += piece.length
    count += 1
    watched.arrived(piece.length)
    if (bytes > bodyLimit) return end(tooLarge(bodyLimit))
    if (count > SMALL_PIECES + bytes / PIECE) return end(tooManyPieces())
    try {
      request.hold?.take(0, piece.length)
    } catch (error) {
      return end(error as Error)
    }
    if (pieces.push(piece) < GATHERED) return
    gathered.push(Buffer.concat(pieces))
    pieces = []
  }
  const watched = rate.watch(() => end(tooSlow()))
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) end(tooLarge(bodyLimit))
  else payload.on('data', onData).on('end', onEnd).on('error', onGone)
  return promise
}

/** Nobody reads it. */
const gone = new HttpError(400, 'invalid', 'The caller left before its body had come')
const tooLarge = (limit: number) =>
  new HttpError(
    413,
    'too-large',
    `The body is longer than this call takes: ${formatBytes(limit)}`,
    CLOSES,
  )
const tooSlow = () =>
  new HttpError(
    408,
    'too-slow',
    `The body comes too slowly: at least ${formatBytes(SLOWEST)} a second`,
    CLOSES,
  )
const tooManyPieces = () =>
  new HttpError(
    400,
    'invalid',
    `The body comes in more than ${SMALL_PIECES} pieces of less than ${PIECE} bytes`,
    CLOSES,
  )
