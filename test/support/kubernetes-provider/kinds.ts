import type { KubeObject } from '../cluster/api.ts'
import type { ProviderArgs } from './connect.ts'

/**
 * Fields whose change replaces the object in the official provider, with their children (pulumi-kubernetes
 * provider/pkg/provider/diff.go): those that the API server would refuse to change.
 */
const REPLACING: Record<string, string[]> = {
  'apps/v1/DaemonSet': ['spec.selector'],
  'apps/v1/Deployment': ['spec.selector'],
  'apps/v1/StatefulSet': [
    'spec.podManagementPolicy',
    'spec.revisionHistoryLimit',
    'spec.selector',
    'spec.serviceName',
    'spec.volumeClaimTemplates',
  ],
  'batch/v1/Job': ['spec.completions', 'spec.parallelism', 'spec.selector', 'spec.template'],
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': ['roleRef'],
  'rbac.authorization.k8s.io/v1/RoleBinding': ['roleRef'],
  'storage.k8s.io/v1/StorageClass': ['parameters', 'provisioner'],
  'v1/ConfigMap': ['binaryData', 'data'],
  'v1/PersistentVolume': ['spec.csi', 'spec.hostPath', 'spec.local', 'spec.nfs'],
  'v1/PersistentVolumeClaim': [
    'spec.accessModes',
    'spec.selector',
    'spec.storageClassName',
    'spec.volumeName',
  ],
  'v1/Pod': ['spec'],
  'v1/ResourceQuota': ['spec.scopes'],
  'v1/Secret': ['type', 'stringData', 'data'],
  'v1/Service': ['spec.clusterIP'],
}

const OF_ALL = ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace']

/** @param path dotted */
export function replacing(object: KubeObject, path: string, args: ProviderArgs): boolean {
  return [...OF_ALL, ...fieldsOf(object, args)].some(
    field => path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`),
  )
}

function fieldsOf({ apiVersion, kind, immutable }: KubeObject, args: ProviderArgs): string[] {
  const mutable = !immutable
  if (kind === 'ConfigMap' && args.enableConfigMapMutable && mutable) return []
  if (kind === 'Secret' && args.enableSecretMutable && mutable) return ['type']
  return REPLACING[`${apiVersion}/${kind}`] ?? []
}
