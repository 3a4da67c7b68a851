import { apps, batch, core, rbac, storage } from '@pulumi/kubernetes'
import type { CustomResource } from '@pulumi/pulumi'
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js'

// biome-ignore lint/suspicious/noExplicitAny: each kind has fields of its own
type Fields = Record<string, any>

interface Kind {
  /** Without `apiVersion`, `kind` and `metadata`. */
  fields: Fields
  /** Another value for each of some fields, by its dotted path. */
  others: Record<string, unknown>
}

const POD = { containers: [{ name: 'web', image: 'web:1' }] }
const ENDING = { ...POD, restartPolicy: 'Never' }
const template = (labels: object, spec: object = POD) => ({ metadata: { labels }, spec })
const labels = { app: 'web' }
const selector = { matchLabels: labels }
const narrower = { ...selector, matchExpressions: [{ key: 'app', operator: 'Exists' }] }
const CLAIM = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
const ROLE = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }
const SUBJECTS = [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }]
const local = (path: string) => ({ local: { path } })
const affinity = {
  required: {
    nodeSelectorTerms: [
      { matchExpressions: [{ key: 'pool', operator: 'In', values: ['cpu-small'] }] },
    ],
  },
}

/** One object of each kind of which it is known what replaces it, none of which has a pod. */
export const KINDS: Record<string, Kind> = {
  'apps/v1/DaemonSet': {
    fields: {
      spec: { selector, template: template(labels, { ...POD, nodeSelector: { no: 'where' } }) },
    },
    others: {
      'spec.minReadySeconds': 3,
      'spec.selector': narrower,
      'spec.template.spec.containers.0.image': 'web:2',
    },
  },
  'apps/v1/Deployment': {
    fields: { spec: { replicas: 0, selector, template: template(labels) } },
    others: {
      'spec.minReadySeconds': 3,
      'spec.selector': narrower,
      'spec.template.spec.containers.0.image': 'web:2',
    },
  },
  'apps/v1/StatefulSet': {
    fields: {
      spec: {
        replicas: 0,
        serviceName: 'web',
        selector,
        template: template(labels),
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: CLAIM }],
      },
    },
    others: {
      'spec.minReadySeconds': 3,
      'spec.podManagementPolicy': 'Parallel',
      'spec.revisionHistoryLimit': 3,
      'spec.selector': narrower,
      'spec.serviceName': 'other',
      'spec.volumeClaimTemplates.0.spec.resources.requests.storage': '2Gi',
    },
  },
  'batch/v1/Job': {
    fields: { spec: { suspend: true, template: { spec: ENDING } } },
    others: {
      'spec.activeDeadlineSeconds': 60,
      'spec.completions': 2,
      'spec.parallelism': 2,
      'spec.template.spec.containers.0.image': 'web:2',
    },
  },
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': {
    fields: { roleRef: ROLE, subjects: SUBJECTS },
    others: { 'roleRef.name': 'edit', 'subjects.0.name': 'other' },
  },
  'rbac.authorization.k8s.io/v1/RoleBinding': {
    fields: { roleRef: ROLE, subjects: SUBJECTS },
    others: { 'roleRef.name': 'edit', 'subjects.0.name': 'other' },
  },
  'storage.k8s.io/v1/StorageClass': {
    fields: { provisioner: 'none', parameters: { kind: 'a' } },
    others: { provisioner: 'other', 'parameters.kind': 'b', allowVolumeExpansion: true },
  },
  'v1/ConfigMap': {
    fields: { data: { key: 'a' } },
    others: { 'data.key': 'b', 'binaryData.more': 'YQ==' },
  },
  'v1/PersistentVolume': {
    fields: {
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'none',
        nodeAffinity: affinity,
        ...local('/a'),
      },
    },
    others: { 'spec.local.path': '/b', 'spec.capacity.storage': '2Gi' },
  },
  'v1/PersistentVolumeClaim': {
    fields: { spec: { ...CLAIM, storageClassName: 'kwok-volume' } },
    others: {
      'spec.accessModes': ['ReadWriteMany'],
      'spec.resources.requests.storage': '2Gi',
      'spec.storageClassName': 'other',
      'spec.selector': selector,
      'spec.volumeName': 'other',
    },
  },
  'v1/ResourceQuota': {
    fields: { spec: { hard: { pods: '100' }, scopes: ['Terminating'] } },
    others: { 'spec.hard.pods': '200', 'spec.scopes': ['NotTerminating'] },
  },
  'v1/Secret': {
    fields: { type: 'Opaque', stringData: { key: 'a' } },
    others: { 'stringData.key': 'b', 'data.more': 'YQ==', type: 'example.org/other' },
  },
  'v1/Service': {
    fields: { spec: { selector: labels, ports: [{ port: 80 }] } },
    others: { 'spec.sessionAffinity': 'ClientIP', 'spec.clusterIP': 'None' },
  },
}

/** A program with one object of each kind. @param changed of each kind the field that is to be another */
export const everyKind =
  (changed: Record<string, string> = {}): PulumiFn =>
  async () => {
    for (const [name, { fields, others }] of Object.entries(KINDS)) {
      const at = name.lastIndexOf('/')
      const [apiVersion, kind] = [name.slice(0, at), name.slice(at + 1)]
      const path = changed[name]
      const object = path === undefined ? fields : withOther(fields, path.split('.'), others[path])
      const metadata = {
        name: kind.toLowerCase(),
        ...(!OF_CLUSTER.has(kind) && { namespace: 'default' }),
        annotations: { 'pulumi.com/skipAwait': 'true' },
      }
      const [group] = apiVersion === 'v1' ? ['core'] : apiVersion.split(/[./]/)
      const classes = GROUPS[group as keyof typeof GROUPS] as unknown as Record<string, Made>
      new classes[kind]!(kind, { metadata, ...object })
    }
    return {}
  }

const GROUPS = {
  apps: apps.v1,
  batch: batch.v1,
  core: core.v1,
  rbac: rbac.v1,
  storage: storage.v1,
}
type Made = new (name: string, args: object) => CustomResource

const OF_CLUSTER = new Set(['ClusterRoleBinding', 'PersistentVolume', 'StorageClass'])

function withOther(fields: Fields, [key, ...rest]: string[], value: unknown): Fields {
  const copy: Fields = Array.isArray(fields) ? [...fields] : { ...fields }
  copy[key!] = rest.length === 0 ? value : withOther(copy[key!] ?? {}, rest, value)
  return copy
}
