import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../capacity/workload.ts'
import type { Endpoint, OllamaPool, Outputs } from '../outputs.ts'
import type { Settings } from '../settings/parse-settings.ts'
import {
  API,
  CHROMA,
  OLLAMA,
  objectLabels,
  ollamaName,
  podServiceName,
  selectorOf,
} from './kubernetes-names.ts'
import { AUTH_PROXY_PORT } from './pods/pod-ports.ts'

/** The endpoints in instance order: each pod of the StatefulSet has an address of its own. */
export const chromaPodEndpoints = (settings: Settings, token: pulumi.Output<string>) =>
  Array.from({ length: settings.chroma.instances }, (_, index) => {
    const pod = `${CHROMA}-${index}`
    const selector = { 'statefulset.kubernetes.io/pod-name': pod }
    const host = `${pod}.${podServiceName(CHROMA)}`
    return { reach: endpointOf(settings, host, AUTH_PROXY_PORT, selector, token) }
  }) as Outputs['chroma']['instances']

export const ollamaPoolEndpoints = (
  settings: Settings,
  pools: readonly Workload[],
  token: pulumi.Output<string>,
): [OllamaPool, ...OllamaPool[]] =>
  pools.map(({ pool }) => {
    const name = ollamaName(pool!)
    return {
      pool: pool!,
      reach: endpointOf(settings, name, AUTH_PROXY_PORT, objectLabels(name, OLLAMA), token),
    }
  }) as [OllamaPool, ...OllamaPool[]]

/** The endpoint of the API, without a token: its callers have tokens of their own. */
export const apiEndpoint = (settings: Settings): { reach: Endpoint } => ({
  reach: endpointOf(settings, API, settings.api.port, objectLabels(API)),
})

/** How a server is reached: by its name from inside of the cluster, by port-forward from outside. */
function endpointOf(
  { kubernetes: { context, namespace } }: Settings,
  host: string,
  port: number,
  labels: Record<string, string>,
  token?: pulumi.Output<string>,
): Endpoint {
  return {
    kind: 'port-forward',
    url: `http://${host}.${namespace}.svc:${port}`,
    // Resolved together with the outputs that it is a part of.
    ...(token !== undefined && { token: token as unknown as string }),
    ...(context !== '' && { context }),
    namespace,
    selector: selectorOf(labels),
    port,
  }
}
