import { performance } from 'node:perf_hooks'
import { formatDuration, type Millis, seconds } from '../infra/units.ts'
import { type Context, type Finding, failed, passed, together } from './check.ts'
import type { Connection } from './transport/connection.ts'

/** How long a healthy server may take to say that it is there. */
const DEADLINE: Millis = seconds(5)

/**
 * Whether servers answer a request that costs them nothing. It goes past the pool and is tried once: this is
 * what anyone who asks now would meet.
 */
export async function answers(
  servers: readonly Pick<Connection, 'url' | 'label' | 'headers'>[],
  path: string,
  { signal }: Context,
): Promise<Finding> {
  const findings: Finding[] = []
  for (const { url, label, headers } of servers) {
    const started = performance.now()
    try {
      const timeout = AbortSignal.timeout(DEADLINE)
      const response = await fetch(url + path, {
        headers,
        signal: AbortSignal.any([signal, timeout]),
      })
      await response.arrayBuffer()
      const took = formatDuration(performance.now() - started)
      findings.push(
        response.ok
          ? passed(`${label} answers in ${took}`)
          : failed(`${label} answered ${path} with ${response.status}`, MEND),
      )
    } catch (error) {
      signal.throwIfAborted()
      findings.push(failed(`${label} ${why(error)}`, MEND))
    }
  }
  return together(findings)
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
