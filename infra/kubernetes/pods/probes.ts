import type { types } from '@pulumi/kubernetes'
import type { Probe } from '../../servers/server-spec.ts'

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
export const probesOf = ({ port, startup, ready, live }: Probe): Probes => ({
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
