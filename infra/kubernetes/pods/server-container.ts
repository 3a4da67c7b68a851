import type { types } from '@pulumi/kubernetes'
import { PROXY_VARIABLE } from '../../egress/pull-environment.ts'
import type { Probe, ServerSpec } from '../../servers/server-spec.ts'
import type { PodContainer } from './pod.ts'
import { resourcesOf } from './resource-quantity.ts'

type EnvVar = types.input.core.v1.EnvVar

/**
 * A server as a container of a pod, whose user it runs as.
 * @param mounts of its volume and its files
 * @param secrets variables that the cluster fills in
 */
export const serverContainer = (
  server: ServerSpec,
  mounts: NonNullable<PodContainer['volumeMounts']>,
  secrets: readonly EnvVar[] = [],
): PodContainer => ({
  name: server.name,
  image: server.image,
  ...commandOf(server),
  env: [...environmentOf(server), ...secrets],
  ...(server.port !== undefined && { ports: [{ name: 'http', containerPort: server.port }] }),
  // Without a plan no pod is made.
  resources: resourcesOf(server.share!),
  volumeMounts: mounts,
  ...(server.probe && probesOf(server.probe)),
})

function commandOf({ script, command, args }: ServerSpec): Pick<PodContainer, 'command' | 'args'> {
  if (command) return { command: [...command] }
  if (!script) return { args }
  return { command: ['/bin/sh', '-c', script.text, script.name, ...script.args], args }
}

/** The variables in clear: what may hold a password is none of them. */
const environmentOf = ({ environment = {}, files = [] }: ServerSpec): EnvVar[] => [
  ...Object.entries(environment)
    .filter(([name]) => name !== PROXY_VARIABLE)
    .map(([name, value]) => ({ name, value })),
  ...files.flatMap(({ path, variable }) => (variable ? [{ name: variable, value: path }] : [])),
]

/** Seconds between two probes, unless said otherwise. */
const PERIOD = 10
/** Seconds between two looks at whether a container is to be started again. */
const LIVE_PERIOD = 30

const get = (path: string, port: number, periodSeconds: number, failureThreshold = 3) => ({
  httpGet: { path, port },
  periodSeconds,
  timeoutSeconds: 5,
  failureThreshold,
})

/** The probes of a container. Those of an auth proxy's port work although the server itself listens on loopback. */
const probesOf = ({ port, startup, ready, live }: Probe): Probes => ({
  ...(startup !== undefined && { startupProbe: untilUp(port, startup) }),
  ...(ready !== undefined && { readinessProbe: get(ready, port, PERIOD) }),
  ...(live !== undefined && { livenessProbe: get(live, port, LIVE_PERIOD) }),
})

type Probes = Pick<
  types.input.core.v1.Container,
  'startupProbe' | 'readinessProbe' | 'livenessProbe'
>

/** Until it succeeds no other probe is made; the container has this long before it is started again. */
const untilUp = (port: number, { path, within, every = PERIOD }: NonNullable<Probe['startup']>) =>
  get(path, port, every, Math.ceil(within / every))
