import { core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { ollamaAuthProxy } from '../../auth-proxy/auth-proxies.ts'
import type { Workload } from '../../capacity/workload.ts'
import { ollamaEnvironment } from '../../servers/ollama-environment.ts'
import type { Settings } from '../../settings/settings.ts'
import { labelsOf, OLLAMA, ollamaName } from '../kubernetes-names.ts'
import { NOT_AWAITED } from '../pods/awaiting.ts'
import { FILES_HASH, hashOf } from '../pods/content-hash.ts'
import { MODELS, STORE } from '../pods/model-volume.ts'
import { type Container, dataAt, podTemplate } from '../pods/pod.ts'
import { AUTH_PROXY_PORT, OLLAMA_PORT } from '../pods/pod-ports.ts'
import { probe, startup } from '../pods/probes.ts'
import { resourcesOf } from '../pods/resource-quantity.ts'
import { stateful } from '../pods/stateful-set.ts'
import type { PodServerArgs } from '../server-args.ts'
import { authProxySidecar } from './auth-proxy-sidecar.ts'
import { autoscaler } from './autoscaling.ts'
import { modelSidecar, readyWithin } from './model-sidecar.ts'
import type { EgressPart } from './pull-egress.ts'

/** Seconds for a server that only has to open its port. */
const STARTUP = 300
/** Seconds for answers that are under way. */
const GRACE = 120

/** The Ollama of a pool: a StatefulSet whose pods pull what their volume lacks, and the Service in front. */
export function ollamaPool(parts: PodServerArgs, plan: Workload, egress: EgressPart) {
  const { settings, tokens, options, keeping } = parts
  const { kubernetes } = settings
  const name = ollamaName(plan.pool!)
  const labels = labelsOf(name, OLLAMA)
  const scale = kubernetes.autoscaling.ollama
  const front = authProxySidecar(
    {
      set: name,
      labels,
      port: AUTH_PROXY_PORT,
      openPath: '/',
      image: settings.images.front,
      share: plan.front!,
      front: tokens.apply(made =>
        ollamaAuthProxy(made, { listen: AUTH_PROXY_PORT, upstream: OLLAMA_PORT }),
      ),
    },
    options,
  )
  const keeper = modelSidecar(parts, name, labels, plan)
  const set = stateful(
    {
      name,
      ...(scale === undefined && { replicas: kubernetes.replicas.ollama }),
      port: AUTH_PROXY_PORT,
      readyWithin: readyWithin(settings, plan),
      volumes: {
        set: name,
        labels,
        count: scale?.min ?? kubernetes.replicas.ollama,
        size: plan.requests.disk,
        storageClass: kubernetes.storageClass,
      },
      template: podTemplate({
        labels,
        annotations: { [FILES_HASH]: hashOf(front.hash, keeper.hash, ...egress.hashes) },
        containers: [
          server(settings.images.ollama, settings, plan, egress),
          front.container,
          keeper.container,
        ],
        volumes: [front.volume, keeper.volume, ...egress.volumes],
        grace: GRACE,
        pullSecrets: kubernetes.imagePullSecrets,
        placement: placement(settings, plan),
      }),
    },
    options,
    keeping,
  )
  new core.v1.Service(
    name,
    {
      metadata: { name, labels, annotations: NOT_AWAITED },
      spec: { selector: labels, ports: [{ name: 'http', port: AUTH_PROXY_PORT }] },
    },
    { ...options, deleteBeforeReplace: true },
  )
  if (scale !== undefined) {
    const target = { kind: 'StatefulSet' as const, name: set.metadata.name, labels }
    autoscaler(target, scale, name, options)
  }
  return set
}

const server = (
  image: pulumi.Input<string>,
  settings: Settings,
  { server: share, models }: Workload,
  egress: EgressPart,
): Container => ({
  name: OLLAMA,
  image,
  args: ['serve'],
  env: [
    ...Object.entries(
      ollamaEnvironment(settings, {
        port: OLLAMA_PORT,
        modelsFolder: MODELS,
        models: models.length,
      }),
    ).map(([name, value]) => ({ name, value })),
    ...egress.env,
  ],
  resources: resourcesOf(share),
  volumeMounts: [dataAt(STORE), ...egress.mounts],
  startupProbe: startup('/', AUTH_PROXY_PORT, STARTUP, 5),
  livenessProbe: probe('/', AUTH_PROXY_PORT, 30),
})

/** A pod without GPUs is kept off the nodes that are for those who need them by their own taints. */
function placement({ kubernetes: { gpu } }: Settings, { nodes, requests }: Workload) {
  if (requests.gpu === undefined) return { nodes }
  const products = { key: 'nvidia.com/gpu.product', operator: 'In' as const, values: gpu.products }
  return {
    nodes: gpu.products.length === 0 ? nodes : [...nodes, products],
    tolerations: gpu.tolerations,
    ...(gpu.runtimeClass !== '' && { runtimeClassName: gpu.runtimeClass }),
  }
}
