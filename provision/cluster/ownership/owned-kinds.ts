import type { KubernetesObject } from '@kubernetes/client-node'
import { LAYOUT, PART_OF } from '../../../infra/kubernetes/kubernetes-names.ts'
import { scheduledBackup } from '../../../infra/settings/backup-settings.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'

/** A kind of object that a stack makes in its namespace. */
export interface Kind {
  apiVersion: string
  kind: string
  /** As rights name it: the plural, in lower case. */
  resource: string
}

const kind = (apiVersion: string, kind: string, resource: string): Kind => ({
  apiVersion,
  kind,
  resource,
})

/** Of every cluster. */
const KINDS: readonly Kind[] = [
  kind('apps/v1', 'StatefulSet', 'statefulsets'),
  kind('apps/v1', 'Deployment', 'deployments'),
  kind('batch/v1', 'Job', 'jobs'),
  kind('batch/v1', 'CronJob', 'cronjobs'),
  kind('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  kind('networking.k8s.io/v1', 'Ingress', 'ingresses'),
  kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  kind('v1', 'Service', 'services'),
  kind('v1', 'Secret', 'secrets'),
  kind('v1', 'ConfigMap', 'configmaps'),
  kind('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
]

/** Of the Prometheus operator, which not every cluster has. */
const SERVICE_MONITOR = kind('monitoring.coreos.com/v1', 'ServiceMonitor', 'servicemonitors')

/** The kinds in which a stack's objects are looked for. */
export const kindsOf = ({ kubernetes: { monitoring } }: Settings): readonly Kind[] =>
  monitoring.serviceMonitor ? [...KINDS, SERVICE_MONITOR] : KINDS

/** Whether the settings have an object of this kind made; one of another time may be there all the same. */
export function isMade(
  { kubernetes: { autoscaling, ingress }, backup }: Settings,
  { kind }: Kind,
): boolean {
  if (kind === 'CronJob') return scheduledBackup(backup) !== undefined
  if (kind === 'HorizontalPodAutoscaler') return Boolean(autoscaling.api ?? autoscaling.ollama)
  return kind !== 'Ingress' || ingress !== undefined
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
  'archives-are-stored',
]

const POOL = 'ollama-(?:cpu|gpu(?:-\\d+)?)'
const SET = `(?:chroma|${POOL})`

/** The names that stay from update to update, by kind; all others are drawn, and cannot be anybody else's. */
const FIXED: Record<string, RegExp> = {
  StatefulSet: new RegExp(`^${SET}$`),
  Service: new RegExp(`^(${SET}-pods|${POOL}|api)$`),
  Secret: new RegExp(`^(${SET}-front|deployment|metrics-token|ollama-proxy)$`),
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
