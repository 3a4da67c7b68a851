import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { HOSTILE_CREATORS, hostileFilter } from './hostile.ts'

export const DIMENSION = 8
/** Nobody's. */
export const STRANGER = 'stranger'
export const EVERYBODY = [...HOSTILE_CREATORS, STRANGER]

/** Its text names the creator that it belongs to. */
export const documentOf = (creator: string, name: string) => ({
  chunks: [{ text: `of ${JSON.stringify(creator)}`, vector: vectorFor(name, DIMENSION) }],
  metadata: { topic: name.length % 2 === 0 ? 'tea' : 'coffee' },
})

/** As it is: fetch would tidy the path up. */
export async function sendRaw(
  url: string,
  method: string,
  path: string,
  token?: string,
  body?: unknown,
) {
  const sent = request(url, {
    method,
    path,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
  })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = await once(sent, 'response')
  return { status: response.statusCode as number, content: await text(response) }
}

export const act = fc.oneof(
  fc.record({ way: fc.constant('list' as const) }),
  fc.record({ way: fc.constant('read' as const), name: fc.constantFrom(...EVERYBODY) }),
  fc.record({
    way: fc.constant('query' as const),
    name: fc.constantFrom(...EVERYBODY),
    filter: fc.option(hostileFilter, { nil: undefined }),
  }),
  fc.record({ way: fc.constant('put' as const), name: fc.constantFrom(...EVERYBODY) }),
  fc.record({ way: fc.constant('delete' as const), name: fc.constantFrom(...EVERYBODY) }),
)
/** What a caller tries. */
export type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

/** @param path the creator's part of the path, percent-encoded or made to look like it */
export function performRaw(url: string, act: Act, path: string, token: string | undefined) {
  const send = (method: string, path: string, body?: unknown) =>
    sendRaw(url, method, path, token, body)
  const at = `/api/v1/creators/${path}`
  const document = 'name' in act ? encodeURIComponent(act.name) : ''
  const limit = 'limit=500'
  switch (act.way) {
    case 'list':
      return send('GET', `${at}/documents?${limit}`)
    case 'read':
      return send('GET', `${at}/documents/${document}`)
    case 'put':
      return send('PUT', `${at}/documents/${document}`, documentOf(STRANGER, act.name))
    case 'delete':
      return send('DELETE', `${at}/documents/${document}`)
    case 'query': {
      const { name, filter } = act
      const question = { vector: vectorFor(name, DIMENSION), filter, count: 100 }
      return send('POST', `${at}/query`, question)
    }
  }
}
