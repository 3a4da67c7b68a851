import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatDuration, type Millis, seconds } from '../../infra/units.ts'
import {
  type CheckContext,
  type Finding,
  failed,
  ofPart,
  type PartFinding,
  passed,
  together,
} from '../check.ts'
import type { Connection } from '../transport/connection.ts'

/** How long a healthy server may take to say that it is there. */
const DEADLINE: Millis = seconds(5)
const POLL: Millis = 50

/** A server that is asked whether it is there. */
interface Asked extends Pick<Connection, 'url' | 'label' | 'headers'> {
  /** An update starts it beside its verification: as long as it refuses connections, it is waited for. */
  mayBeStarting?: boolean
}

/**
 * Whether servers answer a request that costs them nothing. It goes past the pool and is tried once: this is
 * what anyone who asks now would meet.
 */
export async function allAnswer(
  servers: readonly Asked[],
  path: string,
  { signal }: CheckContext,
): Promise<Finding> {
  const findings: PartFinding[] = []
  for (const server of servers) {
    const { label } = server
    const started = performance.now()
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)])
      const response = await ask(server, path, within)
      const took = formatDuration(performance.now() - started)
      findings.push(
        response.ok
          ? passed(`${label} answers in ${took}`)
          : failed(`${label} answered ${path} with ${response.status}`, MEND),
      )
    } catch (error) {
      signal.throwIfAborted()
      findings.push(ofPart([label], failed(`${label} ${why(error)}`, MEND)))
    }
  }
  return together(findings)
}

async function ask({ url, headers, mayBeStarting }: Asked, path: string, signal: AbortSignal) {
  for (;;) {
    try {
      const response = await fetch(url + path, { headers, signal })
      await response.arrayBuffer()
      return response
    } catch (error) {
      if (!mayBeStarting || causeOf(error) !== 'ECONNREFUSED') throw error
      await sleep(POLL, undefined, { signal }).catch(() => undefined)
      // What it says in the end is that it refuses, not that it was waited for.
      if (signal.aborted) throw error
    }
  }
}

const MEND = 'see what runs: npm run status; start what does not: npm run up'

const why = (error: unknown): string =>
  error instanceof DOMException && error.name === 'TimeoutError'
    ? `did not answer within ${formatDuration(DEADLINE)}`
    : `cannot be reached: ${causeOf(error)}`

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return (cause as { code?: string } | undefined)?.code ?? String(error)
}
