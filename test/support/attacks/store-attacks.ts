import { creatorPath, documentPath } from '../api/api.ts'
import { type Attack, attack, type Target } from './attack.ts'
import { longDocument, longText, VECTOR } from './attack-bodies.ts'
import { keepAsking, onConnections, requestText } from './attack-connections.ts'

const CREATOR = 'attacker'
const PUT = `PUT ${documentPath(CREATOR, 'd')}`
const QUERY = `POST ${creatorPath(CREATOR, 'query')}`
/** What one creator may have under way of reads, and of writes. */
const [READS, WRITES] = [64, 4]

/** Sends the same again and again, as often at once as one creator may. */
const asking = (name: string, connections: number, request: (token: string) => string) =>
  attack(name, async target => {
    const token = await target.tokenFor(CREATOR)
    await haveMuch(target, token)
    const text = request(token)
    return onConnections(target, connections, socket => keepAsking(socket, () => text))
  })

/** Puts a document in that is too long to be ranked without the index. */
async function haveMuch({ port }: Target, token: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}${documentPath(CREATOR, 'd')}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: longDocument(),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

/** Every comparison lets all through, is asked for, and only the server can tell. */
const costlyFilter = {
  $and: [0.5, 1.5, 2.5, 3.5].map(most => ({ n: { $gt: -most } })),
}

/** Of a creator who asks for no more than it may, and has the servers work for it. */
export const STORE_ATTACKS: Attack[] = [
  asking('filters that cost Chroma as much as may be, 64 at a time', READS, token =>
    requestText(QUERY, { token, body: JSON.stringify({ vector: VECTOR, filter: costlyFilter }) }),
  ),
  asking('questions by text, 64 at a time', READS, token =>
    requestText(QUERY, { token, body: JSON.stringify({ text: 'What is there?' }) }),
  ),
  asking('texts of 256 KiB that are embedded, 4 at a time', WRITES, token =>
    requestText(PUT, { token, body: JSON.stringify({ text: longText() }) }),
  ),
  asking('long documents that are read as a whole, 64 at a time', READS, token =>
    requestText(`GET ${documentPath(CREATOR, 'd')}?limit=500`, { token }),
  ),
]
