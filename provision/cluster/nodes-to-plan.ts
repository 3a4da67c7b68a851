import { nodesOfCluster } from '../../infra/capacity/hardware/cluster-nodes.ts'
import { type Node, parseNode } from '../../infra/capacity/hardware/hardware.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { ask, openCluster } from './cluster-client.ts'

/**
 * The machines that a stack of a cluster is planned with: those that its settings describe, else the cluster's own
 * with what is free on them.
 */
export async function nodesToPlan(settings: Settings): Promise<Node[]> {
  const { nodes } = settings.kubernetes
  return nodes.length > 0 ? nodes.map(parseNode) : freeNodes(settings)
}

/** The cluster's nodes with what is free on them. What this stack holds there counts as free. */
export async function freeNodes(settings: Settings): Promise<Node[]> {
  const cluster = await openCluster(settings)
  const [machines, pods] = await Promise.all([
    ask(cluster, 'its nodes', cluster.core.listNode()),
    ask(cluster, 'the pods on its nodes', cluster.core.listPodForAllNamespaces()),
  ])
  return nodesOfCluster(machines, pods, settings.kubernetes)
}
