import type { types } from '@pulumi/kubernetes'
import type { ServerSpec } from '../../servers/server-spec.ts'
import type { Container } from './pod.ts'
import { probesOf } from './probes.ts'
import { resourcesOf } from './resource-quantity.ts'

type EnvVar = types.input.core.v1.EnvVar

/**
 * A server as a container of a pod. Who may not be named by its user has the pod's.
 * @param mounts of its volume and its files
 * @param secrets variables that the cluster fills in
 */
export const serverContainer = (
  server: ServerSpec,
  mounts: NonNullable<Container['volumeMounts']>,
  secrets: readonly EnvVar[] = [],
): Container => ({
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

function commandOf({ entrypoint, args }: ServerSpec): Pick<Container, 'command' | 'args'> {
  if (entrypoint === undefined) return { args }
  if (!('text' in entrypoint)) return { command: [...entrypoint] }
  const { name, text, args: first } = entrypoint
  return { command: ['/bin/sh', '-c', text, name, ...first], args }
}

/** What may hold a password is no variable in clear. */
const environmentOf = ({ environment = {}, secretVariable, files = [] }: ServerSpec): EnvVar[] => [
  ...Object.entries(environment)
    .filter(([name]) => name !== secretVariable)
    .map(([name, value]) => ({ name, value })),
  ...files.flatMap(({ path, variable }) => (variable ? [{ name: variable, value: path }] : [])),
]
