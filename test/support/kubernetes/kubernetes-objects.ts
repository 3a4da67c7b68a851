import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { collectObjects, type KubernetesObject } from '../../../provision/render/collect.ts'

export type { KubernetesObject }

/** Two CPU nodes and one with a GPU that holds both models. */
const NODES = ['memory=64GiB,cpu=16,gpu=L40S', 'memory=32GiB,cpu=8', 'memory=32GiB,cpu=8']

/** Backups that a cluster takes by itself. */
export const BACKUP = {
  to: 's3://archives/nightly',
  schedule: '0 3 * * *',
  keep: 14,
  recipients: ['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'],
  endpoint: 'http://minio.storage.svc:9000',
  secret: 'archive-storage',
}

/** Everything that can be asked for of a cluster, and nothing left out. */
export const EVERYTHING = {
  context: 'cluster',
  autoscaling: { api: { min: 2, max: 4 } },
  gpu: { products: ['NVIDIA-L40S'], runtimeClass: 'nvidia' },
  clients: ['shop'],
  pullFrom: ['10.20.0.0/16', 'fc00::/7'],
  clusterRanges: ['203.0.112.0/20', '2001:db8::/48'],
  ingress: { host: 'knowledge.example.org', tlsSecret: 'certificate', className: 'nginx' },
  monitoring: { serviceMonitor: true, dashboard: true },
  imagePullSecrets: ['registry'],
}

/**
 * The objects that the program asks for, for a stack of the target kubernetes; no cluster is asked.
 * @param config.home folder with the stack's secrets, for tests that need the same ones twice
 */
export async function kubernetesObjects(
  config: Record<string, unknown> = {},
  kubernetes: Record<string, unknown> = {},
): Promise<KubernetesObject[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kubernetes-objects-'))
  const configured = {
    target: 'kubernetes',
    home: folder,
    creators: 1000,
    ...config,
    kubernetes: { nodes: NODES, ...kubernetes },
  }
  try {
    const settings = parseSettings('test', configured)
    return await collectObjects({ path: '', document: {}, configured, settings })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The one object of a kind and a name. */
export function objectOf(
  objects: readonly KubernetesObject[],
  kind: string,
  name: string,
): KubernetesObject {
  const found = objects.filter(object => object.kind === kind && object.metadata.name === name)
  if (found.length === 1) return found[0]!
  throw new Error(`${found.length} objects ${kind} ${name}`)
}
