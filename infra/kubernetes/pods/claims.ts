import { core, type types } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Bytes } from '../../units.ts'
import { claimName, DATA, type Labels } from '../kubernetes-names.ts'
import { NOT_AWAITED } from './awaiting.ts'
import { claimQuantity } from './resource-quantity.ts'

/** The volumes of a StatefulSet's pods. */
export interface Volumes {
  set: string
  labels: Labels
  /** How many pods have one. */
  count: number
  size: Bytes
  /** The cluster's default when empty. */
  storageClass: string
}

type ClaimSpec = types.input.core.v1.PersistentVolumeClaimSpec

const claimSpec = ({ size, storageClass }: Volumes): ClaimSpec => ({
  accessModes: ['ReadWriteOnce'],
  ...(storageClass !== '' && { storageClassName: storageClass }),
  resources: { requests: { storage: claimQuantity(size) } },
})

/**
 * The claims as resources of their own, under the names by which the StatefulSet controller takes them: so a
 * larger size is a patch of the claim, where a change of the set's template would replace the set. They stay on
 * `destroy` and are found again.
 */
export function claims(volumes: Volumes, options: pulumi.CustomResourceOptions) {
  return Array.from({ length: volumes.count }, (_, ordinal) => {
    const name = claimName(volumes.set, ordinal)
    return new core.v1.PersistentVolumeClaim(
      name,
      {
        metadata: {
          name,
          labels: volumes.labels,
          annotations: NOT_AWAITED,
        },
        spec: claimSpec(volumes),
      },
      { ...options, retainOnDelete: true },
    )
  })
}

/** For pods that the autoscaler adds. It cannot be changed, and need not be: see IGNORED. */
export const claimTemplate = (volumes: Volumes) => ({
  metadata: { name: DATA, labels: volumes.labels },
  spec: claimSpec(volumes),
})

/** What a StatefulSet keeps from its beginning: the official provider would replace it for a change. */
export const IGNORED = ['spec.volumeClaimTemplates']

/** Claims outlive the set and its pods, whoever deletes them. */
export const RETAINED = { whenDeleted: 'Retain', whenScaled: 'Retain' }
