import type { AddressInfo } from 'node:net'
import { Failure } from '../../infra/failure.ts'
import type { Outputs } from '../../infra/outputs.ts'
import type { Millis } from '../../infra/units.ts'
import { openDeployment } from '../connected-deployment.ts'
import { buildServer } from './api-server.ts'
import { keyRing } from './auth/key-ring.ts'
import type { LogLevel } from './log.ts'
import { boundLogs } from './log-rotation.ts'
import { isLoopback } from './traffic/hosts.ts'
import { GRACE, LAST_WORDS, LIMITS, type Limits } from './traffic/limits.ts'

export interface ApiConfig {
  outputs: Outputs
  /** The file of keys for tokens, see auth/keys.ts. Without it nobody reaches the creators' routes. */
  keyFile?: string | undefined
  /** Loopback unless said otherwise. */
  host?: string
  /** Names that it is called by, without a port, besides those of loopback. */
  hosts?: readonly string[]
  /** Addresses and ranges of proxies in front of it: whom a request came from is believed of them alone. */
  proxies?: readonly string[]
  /**
   * Whether nobody but programs of this machine reaches it. By default where it listens on loopback and has neither
   * further names nor proxies.
   */
  onLoopback?: boolean | undefined
  /** 0 takes any that is free. */
  port: number
  logLevel: LogLevel
  /** Takes the log, one JSON object a line; standard output when absent. */
  logStream?: NodeJS.WritableStream
  /** Files of servers' logs, its own among them, that it keeps bounded as long as it runs. */
  boundedLogs?: readonly string[]
  limits?: Limits
  now?: () => number
}

export interface RunningApi {
  url: string
  /**
   * Takes no more connections, lets requests under way end, ends those that do not in time, and leaves the
   * servers. Calling it again waits for the same end.
   */
  stop(): Promise<void>
}

const IDLE_SWEEP: Millis = 50
const LOOPBACK = '127.0.0.1'

/**
 * Starts the HTTP API of a deployment.
 * @throws Failure `misused` for invalid outputs or an invalid key file; `unavailable` when the port is taken
 */
export async function startApi(config: ApiConfig): Promise<RunningApi> {
  const { outputs, keyFile, host = LOOPBACK, hosts = [], proxies = [], port } = config
  const onLoopback =
    config.onLoopback ?? (isLoopback(host) && hosts.length === 0 && proxies.length === 0)
  const { boundedLogs = [], limits = LIMITS, now = Date.now } = config
  const keys = keyFile === undefined ? undefined : await keyRing(keyFile)
  const deployment = await openDeployment(outputs)
  const probe = await openDeployment(outputs)
  const parts = {
    ...config,
    deployment,
    probe,
    keys,
    limits,
    host,
    hosts,
    proxies,
    onLoopback,
    now,
  }
  const [api, endAll] = await buildServer(parts)
  const leaveLogs = boundLogs(boundedLogs, text => api.log.warn(text))

  const end = async () => {
    const bounds = [
      // A connection whose last answer is out is of no use any more, though its caller would keep it.
      setInterval(() => api.server.closeIdleConnections(), IDLE_SWEEP),
      setTimeout(endAll, GRACE),
      setTimeout(() => api.server.closeAllConnections(), GRACE + LAST_WORDS),
    ]
    try {
      await api.close()
    } finally {
      for (const bound of bounds) clearInterval(bound)
      await Promise.all([leaveLogs(), deployment.close(), probe.close()])
    }
  }
  let ending: Promise<void> | undefined
  const stop = () => {
    ending ??= end()
    return ending
  }

  try {
    await api.listen({ host, port })
  } catch (error) {
    await stop()
    throw explained(error, host, port)
  }
  if (!onLoopback && !isLoopback(host) && proxies.length === 0) api.log.warn(inClear(host))
  const { port: taken } = api.server.address() as AddressInfo
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`, stop }
}

const inClear = (host: string): string =>
  `listens on ${host} without TLS: who is on the way reads tokens and texts. Set KNOWLEDGE_API_HOST to ${LOOPBACK} behind a proxy with TLS on this machine, or name the proxy in KNOWLEDGE_API_PROXIES`

function explained(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${code})`
  return new Failure('unavailable', `Port ${port} of ${host} ${why}`, {
    mend: 'stop what listens there, or choose another port',
    cause: error,
  })
}
