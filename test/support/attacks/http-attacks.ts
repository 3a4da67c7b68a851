import { DOCUMENT_BODY } from '../../../checks/api/traffic/limits.ts'
import { creatorPath, documentPath } from '../api/api.ts'
import { type Attack, attack, type Target } from './attack.ts'
import { keysTo, longDocument, partsOfAllKinds } from './attack-bodies.ts'
import { drip, keepAsking, onConnections, requestText } from './attack-connections.ts'

const STATUS = 'GET /api/v1/ai/models/status'
const STATS = 'GET /api/v1/ai/chromadb/stats'
const PUT = `PUT ${documentPath('attacker', 'd')}`
/** Creators that an attacker has: what is bounded for each is had as often. */
const CREATORS = 8

const tokensOf = ({ tokenFor }: Target) =>
  Promise.all(Array.from({ length: CREATORS }, (_, index) => tokenFor(`attacker ${index}`)))

/** Puts a body again and again, over so many connections. */
const putting = (name: string, connections: number, body: string) =>
  attack(name, async target => {
    const request = requestText(PUT, { token: await target.tokenFor('attacker'), body })
    return onConnections(target, connections, socket => keepAsking(socket, () => request))
  })

/** Begins a body of the largest length for each creator and goes on with it slowly. */
const putSlowly = (
  name: string,
  connections: number,
  headers: Record<string, string>,
  drop: string,
) =>
  attack(name, async target => {
    const tokens = await tokensOf(target)
    return onConnections(target, connections, (socket, index) => {
      const creator = index % CREATORS
      const line = `PUT ${documentPath(`attacker ${creator}`, 'd')}`
      socket.write(requestText(line, { token: tokens[creator]!, headers }))
      drip(socket, drop, 500)
    })
  })

const CHUNKED = { 'transfer-encoding': 'chunked' }

/** Of one who speaks HTTP: what it sends, how, and what it does not take. */
export const HTTP_ATTACKS: Attack[] = [
  attack(
    '300 requests at once behind a slow one, on each of 4 connections, without a token',
    target => onConnections(target, 4, socket => socket.write(requestText(STATUS).repeat(301))),
  ),
  attack('64 slow requests at once without a token', target =>
    onConnections(target, 64, socket => keepAsking(socket, () => requestText(STATUS))),
  ),
  attack('requests one after another on 16 connections, with tokens that are none', target =>
    onConnections(target, 16, socket =>
      keepAsking(socket, () => requestText(STATS, { token: 'eyJhbGciOiJIUzI1NiJ9.e30.none' })),
    ),
  ),
  putSlowly(
    '64 bodies of 4 MiB that are announced and do not come',
    64,
    { 'content-length': `${DOCUMENT_BODY}` },
    '[',
  ),
  putSlowly('64 bodies in pieces that do not come', 64, CHUNKED, '1\r\n[\r\n'),
  putSlowly('64 bodies that have come, with trailers that do not', 64, CHUNKED, '0\r\nx: y'),
  attack('200 bodies that are announced where none is taken, without a token', target =>
    onConnections(target, 200, socket => {
      socket.write(requestText(STATS, { headers: { 'content-length': `${DOCUMENT_BODY}` } }))
      drip(socket, '[', 500)
    }),
  ),
  putting('bodies of 300,000 keys on 4 connections', 4, keysTo(300_000)),
  putting('bodies of as many parts as there may be, on 4 connections', 4, partsOfAllKinds()),
  attack('bodies of 4 MiB in pieces of a byte, on 4 connections', async target => {
    const token = await target.tokenFor('attacker')
    const start = requestText(PUT, { token, headers: CHUNKED })
    const pieces = Buffer.from('1\r\n[\r\n'.repeat(100_000))
    return onConnections(target, 4, socket => {
      const send = () => {
        while (socket.write(pieces));
      }
      socket.write(start)
      socket.on('drain', send)
      send()
    })
  }),
  attack('answers that 128 connections ask for and do not take', async target => {
    const token = await target.tokenFor('attacker')
    const body = longDocument()
    const first = onConnections(target, 1, socket =>
      socket.write(requestText(PUT, { token, body })),
    )
    const path = `${documentPath('attacker', 'd')}?limit=500`
    const asking = onConnections(target, 128, socket => {
      socket.pause().write(requestText(`GET ${path}`, { token }))
    })
    return {
      stop: async () => void (await Promise.all([first.stop(), asking.stop()])),
    }
  }),
  attack('600 connections whose headers do not come', target =>
    onConnections(target, 600, socket => {
      socket.write('GET / HTTP/1.1\r\n')
      drip(socket, 'x', 500)
    }),
  ),
  attack('600 connections that send nothing', target => onConnections(target, 600, () => {})),
  attack('connections opened as fast as they are closed, 16 at a time', target =>
    onConnections(target, 16, socket => socket.write('no HTTP\r\n\r\n')),
  ),
  attack('requests of all odd kinds, on 32 connections', target => {
    const odd = oddRequests()
    return onConnections(target, 32, (socket, index) => {
      let sent = index
      keepAsking(socket, () => odd[sent++ % odd.length]!)
    })
  }),
]

function oddRequests(): string[] {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x${index}`, '']))
  return [
    requestText(STATUS, { headers: { connection: 'upgrade', upgrade: 'websocket' } }),
    requestText(STATUS, { headers: { expect: '100-continue', 'content-length': '10' } }),
    requestText(STATUS, { headers: { expect: 'everything' } }),
    requestText('CONNECT localhost:80'),
    requestText('TRACE /'),
    requestText(STATS, { headers: many }),
    requestText(`GET /${'x'.repeat(15_000)}`),
    requestText(`GET ${creatorPath('a', 'documents')}?${'limit=1&'.repeat(1500)}`),
    requestText(STATUS).replace('HTTP/1.1', 'HTTP/1.0'),
    requestText('PRI *'),
    requestText(STATUS, { headers: { 'transfer-encoding': 'gzip, chunked' } }),
    'GET / HTTP/1.1\r\n\r\n',
  ]
}
