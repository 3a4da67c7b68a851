import { core, type types } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Bytes } from '../../units.ts'
import { claimName, type Labels } from '../kubernetes-names.ts'
import { NOT_AWAITED } from './awaiting.ts'
import { claimQuantity } from './resource-quantity.ts'

type ClaimSpec = types.input.core.v1.PersistentVolumeClaimSpec

/** @param storageClass the cluster's default when empty */
export const claimSpec = (size: Bytes, storageClass: string): ClaimSpec => ({
  accessModes: ['ReadWriteOnce'],
  ...(storageClass !== '' && { storageClassName: storageClass }),
  resources: { requests: { storage: claimQuantity(size) } },
})

/**
 * The claims of a StatefulSet's pods as resources of their own, under the names by which its controller takes them:
 * so a larger size is a patch of the claim, where a change of the set's template would replace the set. They stay on
 * `destroy` and are found again.
 */
export const claims = (
  set: string,
  labels: Labels,
  count: number,
  spec: ClaimSpec,
  options: pulumi.CustomResourceOptions,
) =>
  Array.from({ length: count }, (_, ordinal) => {
    const name = claimName(set, ordinal)
    const metadata = { name, labels, annotations: NOT_AWAITED }
    const args = { metadata, spec }
    return new core.v1.PersistentVolumeClaim(name, args, { ...options, retainOnDelete: true })
  })

/** What a StatefulSet keeps from its beginning: the official provider would replace it for a change. */
export const IGNORED = ['spec.volumeClaimTemplates']

/** Claims outlive the set and its pods, whoever deletes them. */
export const RETAINED = { whenDeleted: 'Retain', whenScaled: 'Retain' }
