import { rm } from 'node:fs/promises'
import type { V1Pod } from '@kubernetes/client-node'
import { requireLayout } from '../../infra/layout.ts'
import { ask, type Cluster, find, openCluster } from '../cluster/cluster.ts'
import { findHopeless } from '../cluster/hopeless.ts'
import { clusterLayout } from '../cluster/layout.ts'
import { nodesToPlan } from '../cluster/nodes.ts'
import { logsOf, podsOf } from '../cluster/pods.ts'
import { requireCluster } from '../cluster/preflight.ts'
import type { ServerStatus, TargetCommands } from './target.ts'

/** Pods of a cluster. */
export const kubernetes: TargetCommands = {
  tools: [],

  async preflight(settings) {
    const cluster = await openCluster(settings)
    await requireCluster(settings, cluster)
    requireLayout(settings, await clusterLayout(settings, cluster))
  },

  ground: async settings => ({ nodes: await nodesToPlan(settings), held: {} }),

  requirePlanned: async () => undefined,

  beforeUp: async () => undefined,

  async findHopeless(settings, since) {
    const cluster = await openCluster(settings)
    const pods = await podsOf(settings, cluster)
    return findHopeless(pods, logsOf(settings, cluster, since), { since, now: Date.now() })
  },

  async status(settings) {
    const pods = await podsOf(settings, await openCluster(settings))
    return pods.filter(({ status }) => status?.phase !== 'Succeeded').map(statusOf)
  },

  sweep: async () => undefined,

  async purge(settings) {
    const { home, kubernetes } = settings
    const { namespace: name } = kubernetes
    const cluster = await openCluster(settings)
    if (await namespaceIsThere(name, cluster)) {
      await ask(cluster, `the end of namespace ${name}`, cluster.core.deleteNamespace({ name }))
    }
    await rm(home, { recursive: true, force: true })
    return `the namespace ${name} is being deleted with its volumes, and ${home} is deleted`
  },

  kept: ({ kubernetes: { namespace } }) => `data and models stay in the claims of ${namespace}`,
}

async function namespaceIsThere(name: string, cluster: Cluster): Promise<boolean> {
  const question = cluster.core.readNamespace({ name })
  return (await find(cluster, `the namespace ${name}`, question)) !== undefined
}

function statusOf({ metadata, status }: V1Pod): ServerStatus {
  const { name = '', namespace } = metadata ?? {}
  const ready = (status?.conditions ?? []).find(({ type }) => type === 'Ready')
  const running = ready?.status === 'True'
  const waits = (status?.containerStatuses ?? []).flatMap(({ name, state }) =>
    state?.waiting?.reason === undefined ? [] : `${name}: ${state.waiting.reason}`,
  )
  const why = waits.join(', ') || (ready?.message ?? status?.phase ?? 'unknown')
  return {
    name,
    url: status?.podIP ?? '',
    running,
    pid: null,
    state: running ? 'ready' : `not ready: ${why}`,
    log: `kubectl -n ${namespace} logs ${name} --all-containers`,
  }
}
