import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../capacity/workload.ts'
import type { OllamaPool, Outputs, Reach } from '../outputs.ts'
import type { Settings } from '../settings.ts'
import { API, CHROMA, labelsOf, OLLAMA, ollamaName, podsOf, selectorOf } from './names.ts'
import { FRONT_PORT } from './ports.ts'

/** How the servers are reached: by their names from inside of the cluster, by port-forward from outside. */

/** In instance order: each pod of the StatefulSet has an address of its own. */
export const chromaReach = (settings: Settings, token: pulumi.Output<string>) =>
  Array.from({ length: settings.chroma.instances }, (_, index) => {
    const pod = `${CHROMA}-${index}`
    const selector = { 'statefulset.kubernetes.io/pod-name': pod }
    const host = `${pod}.${podsOf(CHROMA)}`
    return { reach: reachOf(settings, host, FRONT_PORT, selector, token) }
  }) as Outputs['chroma']['instances']

export const ollamaReach = (
  settings: Settings,
  pools: readonly Workload[],
  token: pulumi.Output<string>,
): [OllamaPool, ...OllamaPool[]] =>
  pools.map(({ pool }) => {
    const name = ollamaName(pool!)
    return {
      pool: pool!,
      reach: reachOf(settings, name, FRONT_PORT, labelsOf(name, OLLAMA), token),
    }
  }) as [OllamaPool, ...OllamaPool[]]

/** Its callers bring tokens of their own. */
export const apiReach = (settings: Settings): { reach: Reach } => ({
  reach: reachOf(settings, API, settings.api.port, labelsOf(API)),
})

function reachOf(
  { kubernetes: { context, namespace } }: Settings,
  host: string,
  port: number,
  labels: Record<string, string>,
  token?: pulumi.Output<string>,
): Reach {
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
