import type { V1Pod } from '@kubernetes/client-node'
import { BACKUP } from '../../infra/kubernetes/kubernetes-names.ts'
import { besidePod } from '../chroma-files/beside-pod.ts'
import { sizeClaims } from '../cluster/claim-sizes.ts'
import { openCluster } from '../cluster/cluster-client.ts'
import { clusterLayout } from '../cluster/cluster-layout.ts'
import { requireCluster } from '../cluster/cluster-preflight.ts'
import { findHopeless } from '../cluster/hopeless.ts'
import { nodesToPlan } from '../cluster/nodes-to-plan.ts'
import { removeUnknownObjects, requireOwnObjects } from '../cluster/ownership/cluster-ownership.ts'
import { describeClaims, purgeObjects } from '../cluster/ownership/purge-cluster.ts'
import { logsOf, stackPods } from '../cluster/pods.ts'
import { moveByJob } from '../reshard/move-job.ts'
import type { ServerStatus, TargetCommands } from './target.ts'

/** Pods of a cluster. */
export const kubernetes: TargetCommands = {
  tools: [],

  async preflight(settings) {
    await requireCluster(settings, await openCluster(settings))
  },

  dataLayout: clusterLayout,

  async requireOwn(settings, claim) {
    await requireOwnObjects(settings, claim, await openCluster(settings))
    // Every object can be given an owner.
    return []
  },

  inventory: async settings => ({ nodes: await nodesToPlan(settings), usage: {} }),

  sizeClaims: async (settings, plan) => sizeClaims(settings, plan, await openCluster(settings)),

  async findHopeless(settings, since) {
    const cluster = await openCluster(settings)
    const pods = (await stackPods(settings, cluster)).filter(isOfUpdate)
    const nodesMayCome = settings.kubernetes.nodes.length > 0
    const moment = { since, now: Date.now(), nodesMayCome }
    return findHopeless(pods, logsOf(settings, cluster, since), moment)
  },

  async status(settings) {
    const pods = await stackPods(settings, await openCluster(settings))
    return pods.filter(isServer).map(statusOf)
  },

  besideData: besidePod,

  moveInside: moveByJob,

  async readLogs(settings, hand) {
    const cluster = await openCluster(settings)
    for (const { metadata, spec } of await stackPods(settings, cluster)) {
      const { name = '', namespace = '' } = metadata ?? {}
      for (const { name: container } of spec?.containers ?? []) {
        const log = cluster.core.readNamespacedPodLog({ name, namespace, container })
        // One that has not started yet has said nothing.
        hand(Buffer.from(await log.catch(() => '')), `${name}-${container}`)
      }
    }
  },

  async describe(settings) {
    const cluster = await openCluster(settings)
    const { namespace } = settings.kubernetes
    const events = await cluster.core.listNamespacedEvent({ namespace })
    return {
      'pods.json': JSON.stringify(await stackPods(settings, cluster), null, 2),
      'events.json': JSON.stringify(events.items, null, 2),
    }
  },

  sweep: async (settings, owner, isKnown) =>
    removeUnknownObjects(settings, owner, isKnown, await openCluster(settings)),

  purgeable: async (settings, owner) =>
    describeClaims(settings, owner, await openCluster(settings)),

  purge: async (settings, owner) => purgeObjects(settings, owner, await openCluster(settings)),

  kept: ({ kubernetes: { namespace } }) => `data and models stay in the claims of ${namespace}`,
}

/** An update does not wait for backups, which come and go by their schedule. */
const isOfUpdate = ({ metadata }: V1Pod): boolean =>
  metadata?.labels?.['app.kubernetes.io/name'] !== BACKUP

/** And no pod of a Job that has come to its end. */
const isServer = ({ metadata, status }: V1Pod): boolean => {
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  return !ended || !metadata?.ownerReferences?.some(({ kind }) => kind === 'Job')
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
    since: (running && ready?.lastTransitionTime?.toISOString()) || null,
    state: running ? 'ready' : `not ready: ${why}`,
    log: `kubectl -n ${namespace} logs ${name} --all-containers`,
  }
}
