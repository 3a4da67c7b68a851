import { type Millis, seconds } from '../../infra/units.ts'
import {
  type Check,
  type CheckContext,
  type Finding,
  failed,
  passed,
  skipped,
  together,
} from '../check.ts'
import { TENANT } from '../chroma/chroma-server.ts'
import type { Connection } from '../transport/connection.ts'

const DEADLINE: Millis = seconds(10)

/** A request that does nothing where it is let through: it names nothing that could exist, or only looks. */
interface Attempt {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  body?: object
}

/** What is for the provisioner alone. No model has an empty name. */
const PROVISIONING: readonly Attempt[] = [
  { method: 'POST', path: '/api/pull', body: { model: '' } },
  { method: 'POST', path: '/api/create', body: { model: '' } },
  { method: 'POST', path: '/api/copy', body: { source: '', destination: '' } },
  { method: 'POST', path: '/api/push', body: { model: '' } },
  { method: 'DELETE', path: '/api/delete', body: { model: '' } },
]
const INFERENCE: readonly Attempt[] = [{ method: 'GET', path: '/api/tags' }]
const DATA: readonly Attempt[] = [{ method: 'GET', path: `/api/v2/tenants/${TENANT}/databases` }]
/** Chroma itself takes no GET there. */
const RESET: readonly Attempt[] = [{ method: 'GET', path: '/api/v2/reset' }]

export default {
  name: 'routes-closed',
  proves:
    'The auth proxies refuse what they must: all without a token, provisioning to the application',
  after: ['chroma-answers', 'ollama-answers'],
  async run(context) {
    const { chroma, ollama, outputs } = context.deployment
    const findings: Finding[] = []
    for (const [index, { connection }] of chroma.entries()) {
      if (outputs.chroma.instances[index]?.reach.token === undefined) continue
      findings.push(await look(connection, DATA, RESET, context))
    }
    for (const { pool, reach } of outputs.ollama) {
      if (reach.token === undefined) continue
      const { connection } = ollama.get(pool)!
      findings.push(await look(connection, [...INFERENCE, ...PROVISIONING], PROVISIONING, context))
    }
    return findings.length === 0
      ? skipped('no server stands behind an auth proxy')
      : together(findings)
  },
} satisfies Check

/**
 * @param toNobody what must be refused without a token
 * @param toApplication what must be refused with the application's
 */
async function look(
  { url, label, headers }: Connection,
  toNobody: readonly Attempt[],
  toApplication: readonly Attempt[],
  { signal }: CheckContext,
): Promise<Finding> {
  const open: string[] = []
  const tried = [
    ...toNobody.map(attempt => ({ attempt, headers: {}, who: 'without a token' })),
    ...toApplication.map(attempt => ({ attempt, headers, who: "with the application's token" })),
  ]
  for (const { attempt, headers, who } of tried) {
    const { method, path, body } = attempt
    const response = await fetch(url + path, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)]),
    })
    await response.body?.cancel()
    if (response.status !== 401 && response.status !== 403) {
      open.push(`${method} ${path} ${who} (answered with ${response.status})`)
    }
  }
  return open.length === 0
    ? passed(`${label} refuses all ${tried.length} requests that it must`)
    : failed(`${label} lets through ${open.join(', ')}`, 'put the auth proxy back: npm run up')
}
