import type { V1PersistentVolumeClaim, V1StorageClass } from '@kubernetes/client-node'
import { clusterBytes } from '../../infra/capacity/hardware/quantity.ts'
import type { StackPlan } from '../../infra/capacity/stack-plan.ts'
import { Failure } from '../../infra/failure.ts'
import { ollamaName } from '../../infra/kubernetes/kubernetes-names.ts'
import { claimQuantity } from '../../infra/kubernetes/pods/resource-quantity.ts'
import { PROJECT } from '../../infra/project.ts'
import type { ClaimSizes } from '../../infra/servers/target-component.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Bytes } from '../../infra/units.ts'
import { ask, type Cluster } from './cluster-client.ts'
import { setOf } from './ownership/owned-kinds.ts'

/**
 * What the claims that are there are to be asked for: never less than they ask for now, which the API server would
 * refuse in the middle of an update, and more only where it can be had.
 * @param plan of the stack: the disk of each workload
 * @returns with a warning for each claim that stays smaller than planned
 * @throws Failure `misused` where the settings name another class than that of a claim
 */
export async function sizeClaims(
  settings: Settings,
  { workloads }: Pick<StackPlan, 'workloads'>,
  cluster: Cluster,
): Promise<{ claimSizes: ClaimSizes; warnings: string[] }> {
  const { namespace } = settings.kubernetes
  const [claims, classes] = await Promise.all([
    ask(
      cluster,
      `the claims of namespace ${namespace}`,
      cluster.core.listNamespacedPersistentVolumeClaim({ namespace }),
    ),
    ask(cluster, 'its storage classes', cluster.storage.listStorageClass()),
  ])
  const disks = new Map(
    workloads.map(({ kind, pool, requests }) => [
      kind === 'ollama' ? ollamaName(pool!) : kind,
      requests.disk,
    ]),
  )
  const planned = claims.items.flatMap((claim): Planned[] => {
    // Under the name of one of the stack's: where it is somebody else's all the same, that is refused in any case.
    const disk = disks.get(setOf(claim.metadata?.name ?? '') ?? '')
    return disk === undefined ? [] : [{ claim, disk }]
  })
  refuseAnotherClass(settings, planned)
  const sized = planned.map(each => sizeOf(each, classes.items))
  return {
    claimSizes: Object.fromEntries(sized.map(({ name, size }) => [name, size])),
    warnings: sized.flatMap(({ warning }) => warning ?? []),
  }
}

/** A claim that is there, and what is planned for its pod. */
interface Planned {
  claim: V1PersistentVolumeClaim
  disk: Bytes
}

function refuseAnotherClass({ kubernetes }: Settings, planned: readonly Planned[]): void {
  const { storageClass: wanted, namespace } = kubernetes
  const others = planned.filter(({ claim }) => wanted !== '' && classOf(claim) !== wanted)
  if (others.length === 0) return
  const names = others.map(({ claim }) => `${claim.metadata?.name} ("${classOf(claim)}")`)
  const kept = classOf(others[0]!.claim)
  throw new Failure(
    'misused',
    `${PROJECT}:kubernetes.storageClass is "${wanted}", and claims of the namespace ${namespace} are of another class, which a claim cannot change: ${names.join(', ')}`,
    {
      mend: others.some(({ claim }) => isBound(claim))
        ? `set ${PROJECT}:kubernetes.storageClass to "${kept}", or leave it out, and the data stays where it is; or deploy to another namespace (${PROJECT}:kubernetes.namespace) with the new class and bring the documents there; or give the data up: npm run down -- --purge`
        : `none of them has a volume yet: npm run down -- --purge deletes them, then npm run up`,
    },
  )
}

function sizeOf({ claim, disk }: Planned, classes: readonly V1StorageClass[]) {
  const name = claim.metadata!.name!
  const asked = claim.spec?.resources?.requests?.storage ?? '0'
  // Storage may have rounded up.
  const bytes = (text: string) => clusterBytes(`storage of the claim ${name}`, text)
  const has = Math.max(bytes(asked), bytes(claim.status?.capacity?.storage ?? '0'))
  const wanted = claimQuantity(disk)
  if (bytes(wanted) <= has) return { name, size: asked }
  const storage = classes.find(({ metadata }) => metadata?.name === classOf(claim))
  if (isBound(claim) && storage?.allowVolumeExpansion) return { name, size: wanted }
  const why = isBound(claim)
    ? `its storage class "${classOf(claim)}" does not let volumes grow (allowVolumeExpansion): a larger one is had by a class that does, or where the storage has one grown by hand`
    : 'it has no volume yet that could grow: it is made larger by the next update once it has'
  const warning = `WARNING: ${wanted} are planned for the claim ${name}, which stays at ${asked}: ${why}`
  return { name, size: asked, warning }
}

const classOf = ({ spec }: V1PersistentVolumeClaim): string => spec?.storageClassName ?? ''

const isBound = ({ status }: V1PersistentVolumeClaim): boolean => status?.phase === 'Bound'
