import type { KubernetesObject } from '@kubernetes/client-node'
import { LAYOUT, PART_OF } from '../../../infra/kubernetes/kubernetes-names.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'

/** A kind of object that a stack makes in its namespace. */
export interface Kind {
  apiVersion: string
  kind: string
  /** As rights name it: the plural, in lower case. */
  resource: string
}

const HORIZONTAL_POD_AUTOSCALER = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  resource: 'horizontalpodautoscalers',
}
const INGRESS = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', resource: 'ingresses' }

/** Of every cluster. */
const KINDS: readonly Kind[] = [
  { apiVersion: 'apps/v1', kind: 'StatefulSet', resource: 'statefulsets' },
  { apiVersion: 'apps/v1', kind: 'Deployment', resource: 'deployments' },
  { apiVersion: 'batch/v1', kind: 'Job', resource: 'jobs' },
  HORIZONTAL_POD_AUTOSCALER,
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', resource: 'poddisruptionbudgets' },
  INGRESS,
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', resource: 'networkpolicies' },
  { apiVersion: 'v1', kind: 'Service', resource: 'services' },
  { apiVersion: 'v1', kind: 'Secret', resource: 'secrets' },
  { apiVersion: 'v1', kind: 'ConfigMap', resource: 'configmaps' },
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim', resource: 'persistentvolumeclaims' },
]

/** Of the Prometheus operator, which not every cluster has. */
const SERVICE_MONITOR: Kind = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'ServiceMonitor',
  resource: 'servicemonitors',
}

/** The kinds in which a stack's objects are looked for. */
export const kindsOf = ({ kubernetes: { monitoring } }: Settings): readonly Kind[] =>
  monitoring.serviceMonitor ? [...KINDS, SERVICE_MONITOR] : KINDS

/** Whether the settings have an object of this kind made; one of another time may be there all the same. */
export function isMade(
  { kubernetes: { autoscaling, ingress } }: Settings,
  { kind }: Kind,
): boolean {
  if (kind === HORIZONTAL_POD_AUTOSCALER.kind) return Boolean(autoscaling.api ?? autoscaling.ollama)
  return kind !== INGRESS.kind || ingress !== undefined
}

/** Of infra/kubernetes/network-policies.ts, which brings the whole SDK along. */
const POLICIES = [
  'nothing-else',
  'names-are-resolved',
  'api-serves-all',
  'fronts-serve-their-users',
  'users-reach-the-fronts',
  'verification-reaches-the-api',
  'models-are-pulled',
]

const POOL = 'ollama-(?:cpu|gpu(?:-\\d+)?)'
const SET = `(?:chroma|${POOL})`

/** The names that stay from update to update, by kind; all others are drawn, and cannot be anybody else's. */
const FIXED: Record<string, RegExp> = {
  StatefulSet: new RegExp(`^${SET}$`),
  Service: new RegExp(`^(${SET}-pods|${POOL}|api)$`),
  Secret: new RegExp(`^(${SET}-front|deployment|ollama-proxy)$`),
  ConfigMap: new RegExp(`^(chroma|${POOL}-models|ollama-certificates|layout|dashboard)$`),
  PersistentVolumeClaim: new RegExp(`^data-(${SET})-\\d+$`),
  NetworkPolicy: new RegExp(`^(${POLICIES.join('|')})$`),
}

/** Whether the program gives this name to an object of this kind: one of somebody else's would be in its place. */
export const isFixed = (kind: string, name: string): boolean => FIXED[kind]?.test(name) ?? false

/** The StatefulSet that a claim is made for; undefined for the claims of others. */
export const setOf = (claim: string): string | undefined =>
  FIXED.PersistentVolumeClaim!.exec(claim)?.[1]

/** Whether an object outlives `destroy`, as the data does. */
export const isKept = ({ kind, metadata }: KubernetesObject): boolean =>
  kind === 'PersistentVolumeClaim' || (kind === 'ConfigMap' && metadata?.name === LAYOUT)

/** Whether something is marked as a part of a stack of this project, whichever that is. */
export const isOfStacks = (labels: Record<string, string> = {}): boolean =>
  Object.entries(PART_OF).every(([key, value]) => labels[key] === value)
