import { buildServer } from '../../../checks/api/api-server.ts'
import type { DescribedRoute } from '../../../checks/api/auth/access.ts'
import { LIMITS } from '../../../checks/api/traffic/limits.ts'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import { outputsOf } from '../store/deployment.ts'
import { table } from './table.ts'

/** Whose token a route wants, as docs/api.md says it. */
export const WANTED = {
  anyone: 'nothing',
  monitor: "a monitor's token",
  service: "a service's token",
  creator: "the creator's token",
} as const satisfies Record<DescribedRoute['access'], string>

/** What it wants of programs of its machine that send no token. */
export const ON_LOOPBACK = {
  always: 'nothing',
  'without keys': 'the same; nothing where there are no keys',
  never: 'the same',
} as const

/** Every route of the HTTP API, by what the routes say of themselves. */
export async function routesTable(): Promise<string> {
  const rows = (await allRoutes()).map(({ method, url, summary, access, openOnLoopback }) => [
    `\`${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}\``,
    summary,
    WANTED[access],
    ON_LOOPBACK[access === 'anyone' ? 'always' : (openOnLoopback ?? 'never')],
  ])
  return table(['Call', 'What it is for', 'wants', 'on loopback'], rows)
}

/** Of a server that never listens: the routes are the same whatever it is told. */
export async function allRoutes(): Promise<readonly DescribedRoute[]> {
  const deployment = await openDeployment(outputsOf())
  const [api] = await buildServer({
    deployment,
    probe: deployment,
    keys: undefined,
    limits: LIMITS,
    host: '127.0.0.1',
    hosts: [],
    proxies: [],
    onLoopback: true,
    logLevel: 'error',
    now: Date.now,
  })
  await api.ready()
  const { routeAccess } = api
  await api.close()
  await deployment.close()
  return routeAccess
}
