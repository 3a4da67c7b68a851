import { stringify } from 'yaml'
import type { KubernetesObject } from './collect.ts'

/** A file to be applied. */
export interface KubernetesManifest {
  /** In the order they are to be applied in: `02-configmap-chroma.yaml`. */
  file: string
  text: string
  secret: boolean
}

/** What others need comes first; kinds that are not named come before the last. */
const ORDER = [
  'Namespace',
  'NetworkPolicy',
  'ConfigMap',
  'Secret',
  'PersistentVolumeClaim',
  'Service',
]
const LAST = ['StatefulSet', 'Deployment', 'Job']

const rankOf = (kind: string): number => {
  const [first, last] = [ORDER.indexOf(kind), LAST.indexOf(kind)]
  return first >= 0 ? first : last >= 0 ? ORDER.length + 1 + last : ORDER.length
}

/** A Job cannot be changed: each verification is one of its own. */
const VERIFIES = 'knowledge-stack/verifies'

/** The files of a folder, for those who apply manifests themselves. */
export function manifestsOf(
  objects: readonly KubernetesObject[],
  namespace: string,
): KubernetesManifest[] {
  return objects
    .map(object => plain(object, namespace))
    .map(object => ({ object, rank: rankOf(object.kind) }))
    .sort((a, b) => a.rank - b.rank || nameOf(a.object).localeCompare(nameOf(b.object)))
    .map(({ object, rank }) => ({
      file: `${`${rank}`.padStart(2, '0')}-${object.kind.toLowerCase()}-${nameOf(object)}.yaml`,
      text: stringify(object),
      secret: object.kind === 'Secret',
    }))
}

const nameOf = ({ metadata }: KubernetesObject): string => metadata.name

/** With its namespace, and without what only Pulumi reads. */
function plain(object: KubernetesObject, namespace: string): KubernetesObject {
  const { annotations, ...metadata } = object.metadata
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !key.startsWith('pulumi.com/'))
  const made = object.spec?.template?.metadata?.annotations?.[VERIFIES]
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(object.kind === 'Namespace' ? {} : { namespace }),
      ...(object.kind === 'Job' ? { name: `${metadata.name}-${made}` } : {}),
      ...(kept.length > 0 ? { annotations: Object.fromEntries(kept) } : {}),
    },
  }
}
