import type { types } from '@pulumi/kubernetes'
import { PROXY_VARIABLE } from '../../egress/pull-environment.ts'
import { askByBash, bash } from '../../servers/bash-probe.ts'
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

/** Seconds that a probe may take. */
const PROBE_WITHIN = 5
/** Failures in a row that count. */
const FAILURES = 3

/**
 * The probes of a container. That of an auth proxy's port is made by the kubelet; one of loopback, where the kubelet
 * does not come, by a program within the container.
 */
function probesOf({ port, loopbackPort, startup, ready, live, hungGrace }: Probe): Probes {
  const byRequest = (path: string) => ({ httpGet: { path, port } })
  const own = (path: string) =>
    loopbackPort === undefined
      ? byRequest(path)
      : { exec: { command: bash(askByBash(loopbackPort, path)) } }
  return {
    ...(startup !== undefined && { startupProbe: untilUp(own(startup.path), startup) }),
    ...(ready !== undefined && { readinessProbe: probe(byRequest(ready), PERIOD) }),
    ...(live !== undefined && {
      livenessProbe: {
        ...probe(own(live), LIVE_PERIOD),
        ...(hungGrace !== undefined && { terminationGracePeriodSeconds: hungGrace }),
      },
    }),
  }
}

type Probes = Pick<
  types.input.core.v1.Container,
  'startupProbe' | 'readinessProbe' | 'livenessProbe'
>
type How = Pick<types.input.core.v1.Probe, 'httpGet' | 'exec'>

const probe = (how: How, periodSeconds: number, failureThreshold = FAILURES) => ({
  ...how,
  periodSeconds,
  timeoutSeconds: PROBE_WITHIN,
  failureThreshold,
})

/** Until it succeeds no other probe is made; the container has this long before it is started again. */
const untilUp = (how: How, { within, every = PERIOD }: NonNullable<Probe['startup']>) =>
  probe(how, every, Math.ceil(within / every))
