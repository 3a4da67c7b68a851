import { apps, core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { podsOf } from '../kubernetes-names.ts'
import { disruptionBudget } from '../servers/disruption.ts'
import { claims, claimTemplate, IGNORED, RETAINED, type Volumes } from './claims.ts'
import type { PodTemplate } from './pod.ts'

/** A server with data, one pod for each volume. */
export interface Stateful {
  name: string
  /** Absent where the autoscaler says how many. */
  replicas?: number
  volumes: Volumes
  template: PodTemplate
  /** Port that others reach its pods at. */
  port: number
  /** As Pulumi writes durations: how long the pods may take to become ready. */
  readyWithin: string
}

/**
 * A StatefulSet with its claims, an address for each of its pods, and a budget for what may be evicted at once.
 * @returns the set
 */
export function stateful(
  { name, replicas, volumes, template, port, readyWithin }: Stateful,
  options: pulumi.CustomResourceOptions,
  keeping: pulumi.CustomResourceOptions,
): apps.v1.StatefulSet {
  const { labels } = volumes
  const addresses = new core.v1.Service(
    podsOf(name),
    {
      metadata: { name: podsOf(name), labels },
      spec: { clusterIP: 'None', selector: labels, ports: [{ name: 'http', port }] },
    },
    { ...options, deleteBeforeReplace: true },
  )
  const held = claims(volumes, keeping)
  disruptionBudget(name, labels, options)
  return new apps.v1.StatefulSet(
    name,
    {
      metadata: { name, labels },
      spec: {
        ...(replicas !== undefined && { replicas }),
        serviceName: podsOf(name),
        // In order, a pod with a fault would keep the others from being mended (kubernetes#67250).
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: labels },
        template,
        volumeClaimTemplates: [claimTemplate(volumes)],
        persistentVolumeClaimRetentionPolicy: RETAINED,
      },
    },
    {
      ...options,
      dependsOn: [addresses, ...held],
      ignoreChanges: IGNORED,
      // Two sets of one name cannot be, and the claims stay.
      deleteBeforeReplace: true,
      customTimeouts: { create: readyWithin, update: readyWithin },
    },
  )
}
