import type { KubeApi, KubeObject } from '../cluster/api.ts'
import behaviour from './behaviour.json' with { type: 'json' }
import type { Progress } from './deadline.ts'
import { podTroubles } from './pods.ts'

type Rule = (object: KubeObject, api: KubeApi) => Progress | Promise<Progress>

interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
}

/** When an object is ready, as the official provider documents it for each kind; all others are at once. */
const RULES: Record<string, Rule> = {
  Deployment: async (object, api) => {
    const { spec, status = {} } = object
    const progressing = condition(object, 'Progressing')
    if (progressing?.status === 'False') return failed(progressing, await podTroubles(object, api))
    const rolledOut =
      progressing?.reason === 'NewReplicaSetAvailable' &&
      status.observedGeneration === object.metadata.generation &&
      (status.updatedReplicas ?? 0) === (spec.replicas ?? 1) &&
      condition(object, 'Available')?.status === 'True'
    return rolledOut ? READY : waiting(behaviour.unready.Deployment)
  },

  StatefulSet: async (object, api) => {
    const { spec, status = {} } = object
    const replicas = spec.replicas ?? 1
    const rolledOut =
      status.observedGeneration === object.metadata.generation &&
      status.updateRevision === status.currentRevision &&
      (status.replicas ?? 0) === replicas &&
      (status.readyReplicas ?? 0) === replicas
    const count = `${status.readyReplicas ?? 0} of ${replicas} replicas are ready`
    return rolledOut ? READY : waiting(count, await podTroubles(object, api))
  },

  Job: async (object, api) => {
    if (condition(object, 'Complete')?.status === 'True') return READY
    const failure = condition(object, 'Failed')
    if (failure?.status === 'True') return failed(failure, await podTroubles(object, api))
    return waiting('it has not ended', await podTroubles(object, api))
  },

  Service: async ({ metadata, spec }, api) => {
    if (spec.type === 'ExternalName' || spec.clusterIP === 'None' || !spec.selector) return READY
    const label = `kubernetes.io/service-name=${metadata.name}`
    const slices = await api.list(
      'discovery.k8s.io/v1',
      'EndpointSlice',
      `?labelSelector=${encodeURIComponent(label)}`,
    )
    const endpoints = slices
      .filter(slice => slice.metadata.namespace === metadata.namespace)
      .flatMap(slice => slice.endpoints ?? [])
    const ready = endpoints.length > 0 && endpoints.every(({ conditions }) => conditions.ready)
    return ready ? READY : waiting('it selects no pods that are all ready')
  },

  PersistentVolumeClaim: async ({ spec, status }, api) => {
    if (status.phase === 'Bound') return READY
    const { storageClassName: name } = spec
    const reference = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name } }
    const storage = name ? await api.read(reference) : undefined
    // Bound with the first pod that uses it, which may be one of the same update.
    if (storage?.volumeBindingMode === 'WaitForFirstConsumer') return READY
    return waiting(`it is ${status.phase}`)
  },

  PersistentVolume: ({ status }) =>
    ['Available', 'Bound'].includes(status?.phase) ? READY : waiting(`it is ${status?.phase}`),

  Ingress: ({ status }) =>
    status?.loadBalancer?.ingress ? READY : waiting('no controller gave it an address'),

  Pod: object =>
    condition(object, 'Ready')?.status === 'True' || object.status?.phase === 'Succeeded'
      ? READY
      : waiting(condition(object, 'Ready')?.message),

  CustomResourceDefinition: object =>
    condition(object, 'Established')?.status === 'True' ? READY : waiting('it is not established'),
}

export async function readiness(object: KubeObject, api: KubeApi): Promise<Progress> {
  return RULES[object.kind]?.(object, api) ?? READY
}

const READY: Progress = { done: true }

const waiting = (...reasons: (string | undefined)[]): Progress => ({
  done: false,
  reason: reasons.filter(Boolean).join('; '),
})

const failed = ({ reason, message }: Condition, troubles: string): Progress => ({
  done: true,
  failed: true,
  reason: [reason, message, troubles].filter(Boolean).join('; '),
})

const condition = ({ status }: KubeObject, type: string): Condition | undefined =>
  status?.conditions?.find((candidate: Condition) => candidate.type === type)
