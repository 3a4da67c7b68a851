import type { types } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { KubernetesSettings } from '../../settings/kubernetes-settings.ts'
import { DATA, type Labels } from '../kubernetes-names.ts'

/** With lists as they are, not as they may become. */
export interface PodContainer
  extends Omit<types.input.core.v1.Container, 'name' | 'env' | 'volumeMounts'> {
  name: string
  env?: types.input.core.v1.EnvVar[]
  volumeMounts?: types.input.core.v1.VolumeMount[]
}
export type Volume = types.input.core.v1.Volume
type PodSpec = types.input.core.v1.PodSpec
export type PodTemplate = types.input.core.v1.PodTemplateSpec

/** User and group of every process in a pod, and the group that owns its volumes. */
const USER = 1000

/** What a pod of the stack is made of; everything else about it is the same for all. */
export interface Pod {
  volumes?: Volume[]
  /** Seconds that it has to end in. */
  grace?: number
  labels: Labels
  containers: [PodContainer, ...PodContainer[]]
  /** Beyond the labels' own: what makes the pod another when it changes, such as a hash of its files. */
  annotations?: Record<string, pulumi.Input<string>>
  cluster: Pick<KubernetesSettings, 'architectures' | 'imagePullSecrets'>
  /** For Jobs, which are not started again; pods of sets always are. */
  restartPolicy?: 'Never'
  placement?: Placement
}

/** Where a pod may run. */
export interface Placement
  extends Pick<PodSpec, 'tolerations' | 'runtimeClassName' | 'topologySpreadConstraints'> {
  /** What the labels of its node must say. */
  nodes?: readonly NodeRequirement[]
  /** Whether no two pods that are so may be on one node. */
  apart?: boolean
}

type NodeRequirement = types.input.core.v1.NodeSelectorRequirement

/**
 * A pod that the restricted Pod Security Standard admits, without a token for the cluster's API and without the
 * variables that Services inject (one called `chroma` would set CHROMA_PORT, which Chroma takes for its own).
 */
export function podTemplate(pod: Pod): PodTemplate {
  const { labels, annotations, cluster, placement = {} } = pod
  const containers = pod.containers.map(restricted)
  const { nodes = [], apart = false, ...scheduling } = placement
  return {
    metadata: {
      labels: apart ? { ...labels, ...APART } : labels,
      ...(annotations && { annotations }),
    },
    spec: {
      ...scheduling,
      affinity: {
        ...affinityTo([...machinesOf(cluster), ...nodes]),
        ...(apart && KEPT_APART),
      },
      containers: pod.restartPolicy === 'Never' ? containers : containers.map(draining),
      volumes: [...pod.containers.map(scratchOf), ...(pod.volumes ?? [])],
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(cluster.imagePullSecrets.length > 0 && {
        imagePullSecrets: cluster.imagePullSecrets.map(name => ({ name })),
      }),
      ...(pod.restartPolicy && { restartPolicy: pod.restartPolicy }),
      terminationGracePeriodSeconds: DRAIN + (pod.grace ?? GRACE),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        // Without it a volume of many files is walked at every start of a pod.
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
    },
  }
}

const GRACE = 30
/** Seconds: who asks a Service is sent to a pod for a moment after that was told to end. */
const DRAIN = 5

const draining = (container: types.input.core.v1.Container): types.input.core.v1.Container => ({
  ...container,
  lifecycle: { preStop: { exec: { command: ['sleep', `${DRAIN}`] } } },
})

/** The one folder that a container may write to, beside its volumes; each has its own. */
const scratchName = ({ name }: PodContainer) => `scratch-${name}`
const scratchOf = (container: PodContainer): Volume => ({
  name: scratchName(container),
  emptyDir: {},
})

function restricted(container: PodContainer): types.input.core.v1.Container {
  return {
    ...container,
    env: [{ name: 'HOME', value: '/tmp' }, ...(container.env ?? [])],
    volumeMounts: [
      { name: scratchName(container), mountPath: '/tmp' },
      ...(container.volumeMounts ?? []),
    ],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    // The end of a failed container's log is told with the pod, and so with the update that waits for it.
    terminationMessagePolicy: 'FallbackToLogsOnError',
  }
}

/** Those that the images are for. */
const machinesOf = ({ architectures }: Pod['cluster']): NodeRequirement[] => [
  { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] },
  { key: 'kubernetes.io/arch', operator: 'In', values: [...architectures] },
]

const APART = { 'knowledge-stack/apart': 'true' }
const KEPT_APART = {
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: APART } },
    ],
  },
}

const affinityTo = (requirements: readonly NodeRequirement[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [...requirements] }],
    },
  },
})

/** The pod's claim, mounted. */
export const dataAt = (mountPath: string) => ({ name: DATA, mountPath })
