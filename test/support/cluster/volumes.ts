import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { NODE } from './fleet/node-config.ts'
import type { RealCluster } from './node.ts'

const CLASS = 'local'

/**
 * Folders of the node as volumes of the cluster's default storage class. They are `local` ones, since a hostPath
 * volume pays no heed to the group that a pod asks its volumes to belong to.
 */
export async function localVolumes({ api, home }: RealCluster, count: number): Promise<void> {
  await api.apply({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: CLASS,
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  })
  for (let index = 0; index < count; index += 1) {
    const name = `volume-${index}`
    const path = join(home, 'volumes', name)
    await mkdir(path, { recursive: true })
    await api.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        storageClassName: CLASS,
        capacity: { storage: '100Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        local: { path },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  { key: 'kubernetes.io/hostname', operator: 'In', values: [NODE] },
                ],
              },
            ],
          },
        },
      },
    })
  }
}
