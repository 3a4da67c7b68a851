import { networking, type types } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { type ScheduledBackup, scheduledBackup } from '../settings/backup-settings.ts'
import type { Settings } from '../settings/parse-settings.ts'
import {
  API,
  BACKUP,
  CHROMA,
  MOVE_JOB,
  OLLAMA,
  PART_OF,
  VERIFICATION_JOB,
} from './kubernetes-names.ts'
import { type OutsideRange, pullRanges, serviceNamespace, storageRanges } from './outside-ranges.ts'
import { AUTH_PROXY_PORT } from './pods/pod-ports.ts'

type Peer = types.input.networking.v1.NetworkPolicyPeer
type Spec = types.input.networking.v1.NetworkPolicySpec

const DNS_PORT = 53

/** The stack's pods: others may share its namespace. */
const ALL = { matchLabels: PART_OF }
const named = (...kinds: string[]) => ({
  ...ALL,
  matchExpressions: [{ key: 'app.kubernetes.io/name', operator: 'In', values: kinds }],
})
const pods = (...kinds: string[]): Peer => ({ podSelector: named(...kinds) })
const namespace = (name: string): Peer => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
})
const tcp = (port: number) => ({ port, protocol: 'TCP' })

/**
 * The policies by name: who may open a connection to whom, and nobody else may. They say once more what the auth
 * proxies enforce, and are of use only where the cluster's network enforces policies. A rule without peers is
 * everybody.
 */
export function policies(settings: Settings): Record<string, Spec> {
  const { clients } = settings.kubernetes
  const apiPort = settings.api.port
  const backup = scheduledBackup(settings.backup)
  const own = [API, VERIFICATION_JOB, MOVE_JOB, ...(backup === undefined ? [] : [BACKUP])]
  const users = [pods(...own), ...clients.map(namespace)]
  return {
    'nothing-else': { podSelector: ALL, policyTypes: ['Ingress', 'Egress'] },
    'names-are-resolved': {
      podSelector: ALL,
      policyTypes: ['Egress'],
      egress: [{ ports: [tcp(DNS_PORT), { port: DNS_PORT, protocol: 'UDP' }] }],
    },
    'api-serves-all': {
      podSelector: named(API),
      policyTypes: ['Ingress'],
      ingress: [{ ports: [tcp(apiPort)] }],
    },
    'fronts-serve-their-users': {
      podSelector: named(CHROMA, OLLAMA),
      policyTypes: ['Ingress'],
      ingress: [{ from: users, ports: [tcp(AUTH_PROXY_PORT)] }],
    },
    'users-reach-the-fronts': {
      podSelector: named(...own),
      policyTypes: ['Egress'],
      egress: [{ to: [pods(CHROMA, OLLAMA)], ports: [tcp(AUTH_PROXY_PORT)] }],
    },
    'verification-reaches-the-api': {
      podSelector: named(VERIFICATION_JOB),
      policyTypes: ['Egress'],
      egress: [{ to: [pods(API)], ports: [tcp(apiPort)] }],
    },
    'models-are-pulled': {
      podSelector: named(OLLAMA),
      policyTypes: ['Egress'],
      egress: pullRanges(settings).map(outside),
    },
    ...(backup && {
      'archives-are-stored': {
        podSelector: named(BACKUP),
        policyTypes: ['Egress'],
        egress: [...storageRanges(settings, backup).map(outside), ...storageInside(backup)],
      },
    }),
  }
}

/** Storage that is a Service of the cluster: policies know its pods, and at which of their ports it is they do not. */
function storageInside({ endpoint }: ScheduledBackup) {
  const name = endpoint === undefined ? undefined : serviceNamespace(endpoint)
  if (name === undefined) return []
  return [{ to: [name === '' ? { podSelector: {} } : namespace(name)] }]
}

const outside = ({ ports, ...ipBlock }: OutsideRange) => ({
  to: [{ ipBlock }],
  ...(ports && { ports: ports.map(tcp) }),
})

export const networkPolicies = (settings: Settings, options: pulumi.CustomResourceOptions) =>
  Object.entries(policies(settings)).map(
    ([name, spec]) =>
      new networking.v1.NetworkPolicy(
        name,
        { metadata: { name, labels: PART_OF }, spec },
        { ...options, deleteBeforeReplace: true },
      ),
  )
