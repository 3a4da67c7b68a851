import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeObject } from '../api.ts'
import type { Fleet } from './fleet.ts'

/** Pods to be bound on nodes of their own, in each of the orders. */
export interface Trial {
  /** Of the objects' names: no other trial at the same time has it. */
  name: string
  nodes: readonly KubeObject[]
  /** Of others, on the nodes that they name, before any of the trial's own. */
  others?: readonly KubeObject[]
  pods: readonly KubeObject[]
  orders: readonly (readonly number[])[]
}

/** For each order the numbers of the pods that no node took. */
export type Outcome = number[][]

const POLL_MS = 150
const DEADLINE_MS = 60_000
/** Keeps a trial's pods to its nodes. */
const TRIAL = 'trial'

/** Has the real scheduler bind the pods one after the other as they come, once for each order. */
export async function bindInTurn({ api, add }: Fleet, trial: Trial): Promise<Outcome> {
  const nodes = trial.nodes.map(node => {
    const name = `${trial.name}-${node.metadata.name}`
    const hostname = { 'kubernetes.io/hostname': name }
    const labels = { ...node.metadata.labels, ...hostname, [TRIAL]: trial.name }
    return { ...node, metadata: { ...node.metadata, name, labels } }
  })
  await add(nodes)
  const others = (trial.others ?? []).map(pod => ({
    ...pod,
    metadata: { name: `${trial.name}-${pod.metadata.name}`, namespace: 'default' },
    spec: { ...pod.spec, nodeName: `${trial.name}-${pod.spec.nodeName}` },
  }))
  for (const pod of others) await api.create(pod)
  const outcomes: Outcome = []
  for (const [round, order] of trial.orders.entries()) {
    const pods = trial.pods.map(pod => {
      const name = `${trial.name}-${round}-${pod.metadata.name}`
      const metadata = {
        ...pod.metadata,
        name,
        namespace: 'default',
        labels: { ...pod.metadata.labels, [TRIAL]: trial.name },
      }
      return { ...pod, metadata, spec: { ...pod.spec, nodeSelector: { [TRIAL]: trial.name } } }
    })
    for (const number of order) await api.create(pods[number]!)
    const names = pods.map(({ metadata }) => metadata.name)
    const found = await decided(api, trial.name)
    outcomes.push(names.flatMap((name, number) => (found.get(name) ? [] : [number])))
    // At once: there is no kubelet that would end them.
    await Promise.all(pods.map(pod => api.delete(pod, { gracePeriodSeconds: 0 })))
  }
  await Promise.all(others.map(pod => api.delete(pod, { gracePeriodSeconds: 0 })))
  await Promise.all(nodes.map(node => api.delete(node)))
  return outcomes
}

/** Whether each pod is bound, once the scheduler has bound it or said that no node takes it. */
async function decided(api: Fleet['api'], trial: string): Promise<Map<string, boolean>> {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const pods = await api.list('v1', 'Pod', `?labelSelector=${TRIAL}%3D${trial}`)
    if (pods.every(pod => pod.spec.nodeName !== undefined || isRefused(pod))) {
      return new Map(pods.map(({ metadata, spec }) => [metadata.name, spec.nodeName !== undefined]))
    }
    if (Date.now() > deadline) throw new Error(`the scheduler decided nothing on ${trial}`)
    await sleep(POLL_MS)
  }
}

const isRefused = ({ status }: KubeObject): boolean =>
  status.conditions?.some(
    ({ type, reason }: { type: string; reason?: string }) =>
      type === 'PodScheduled' && reason === 'Unschedulable',
  )
