import { apps, core, type types } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../../capacity/workload.ts'
import type { GuardedServer } from '../../servers/server-spec.ts'
import { claimName, DATA, type Labels, podServiceName } from '../kubernetes-names.ts'
import type { PodServerArgs } from '../server-args.ts'
import { disruptionBudget } from '../servers/disruption.ts'
import { NOT_AWAITED } from './awaiting.ts'
import { FILES_HASH } from './content-hash.ts'
import { type MountedFiles, secretFiles } from './mounted-files.ts'
import { type Pod, podTemplate } from './pod.ts'
import { AUTH_PROXY_PORT } from './pod-ports.ts'
import { claimQuantity } from './resource-quantity.ts'
import { podAddresses } from './service.ts'

/** A server with data behind an auth proxy, one pod for each volume. */
export interface Stateful
  extends Required<Pick<Pod, 'containers' | 'volumes' | 'grace' | 'placement'>> {
  name: string
  labels: Labels
  /** How many pods there are from the beginning, each with its volume. */
  replicas: number
  /** Fields that are somebody else's to change once the set is there. */
  ignored?: string[]
  annotations?: Record<string, string>
  plan: Workload
  /** Another text when the pods are to be others, for a file that they are given is another. */
  hash: MountedFiles['hash']
  /** As Pulumi writes durations: how long the pods may take to become ready. */
  readyWithin: string
}

/**
 * A StatefulSet with its claims, an address for each of its pods, and a budget for what may be evicted at once.
 * @returns the set
 */
export function stateful(
  { settings: { kubernetes }, claimSizes, options, retaining }: PodServerArgs,
  { name, labels, replicas, plan, ignored = [], annotations, hash, readyWithin, ...pod }: Stateful,
): apps.v1.StatefulSet {
  const planned = claimQuantity(plan.requests.disk)
  const specOf = (size: string) => claimSpec(size, kubernetes.storageClass)
  const addresses = podAddresses(podServiceName(name), labels, AUTH_PROXY_PORT, options)
  const held = claims(name, labels, replicas, retaining, name =>
    specOf(claimSizes[name] ?? planned),
  )
  disruptionBudget(name, labels, options)
  return new apps.v1.StatefulSet(
    name,
    {
      metadata: { name, labels, ...(annotations && { annotations }) },
      spec: {
        replicas,
        serviceName: podServiceName(name),
        // In order, a pod with a fault would keep the others from being mended (kubernetes#67250).
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: labels },
        template: podTemplate({
          ...pod,
          labels,
          annotations: { [FILES_HASH]: hash },
          cluster: kubernetes,
        }),
        // For pods that the autoscaler adds. It cannot be changed, and need not be: see IGNORED.
        volumeClaimTemplates: [{ metadata: { name: DATA, labels }, spec: specOf(planned) }],
        persistentVolumeClaimRetentionPolicy: RETAINED,
      },
    },
    {
      ...options,
      dependsOn: [addresses, ...held],
      ignoreChanges: [...IGNORED, ...ignored],
      // Two sets of one name cannot be, and the claims stay.
      deleteBeforeReplace: true,
      customTimeouts: { create: readyWithin, update: readyWithin },
    },
  )
}

/** The files of the auth proxy in the pods of a set. */
export const authProxyFiles = (
  set: string,
  labels: Labels,
  { files }: GuardedServer['authProxy'],
  { options }: PodServerArgs,
): MountedFiles => secretFiles({ name: `${set}-front`, labels, volume: 'front', files }, options)

type ClaimSpec = types.input.core.v1.PersistentVolumeClaimSpec

/** @param storageClass the cluster's default when empty */
const claimSpec = (storage: string, storageClass: string): ClaimSpec => ({
  accessModes: ['ReadWriteOnce'],
  ...(storageClass !== '' && { storageClassName: storageClass }),
  resources: { requests: { storage } },
})

/**
 * The claims of a StatefulSet's pods as resources of their own, under the names by which its controller takes them:
 * so a larger size is a patch of the claim, where a change of the set's template would replace the set. They stay on
 * `destroy` and are found again.
 */
const claims = (
  set: string,
  labels: Labels,
  count: number,
  retaining: pulumi.CustomResourceOptions,
  specOf: (claim: string) => ClaimSpec,
) =>
  Array.from({ length: count }, (_, ordinal) => {
    const name = claimName(set, ordinal)
    const metadata = { name, labels, annotations: NOT_AWAITED }
    const args = { metadata, spec: specOf(name) }
    const options = { ...retaining, retainOnDelete: true, ignoreChanges: CLASS_OF_CLAIM }
    return new core.v1.PersistentVolumeClaim(name, args, options)
  })

/**
 * A claim keeps its class, whatever the setting says: another one over data is refused before (claim-sizes.ts), and the
 * same, said in another way, would replace the claim.
 */
const CLASS_OF_CLAIM = ['spec.storageClassName']

/** What a StatefulSet keeps from its beginning: the official provider would replace it for a change. */
const IGNORED = ['spec.volumeClaimTemplates']

/** Claims outlive the set and its pods, whoever deletes them. */
const RETAINED = { whenDeleted: 'Retain', whenScaled: 'Retain' }
