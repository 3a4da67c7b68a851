import fc from 'fast-check'
import { planCapacity, VERDICTS } from '../../../infra/capacity/capacity-plan.ts'
import { nodesOfCluster } from '../../../infra/capacity/hardware/cluster-nodes.ts'
import type { Node } from '../../../infra/capacity/hardware/hardware.ts'
import { sizeStack } from '../../../infra/capacity/stack.ts'
import { bindInTurn } from '../../support/cluster/fleet/binding.ts'
import type { Fleet } from '../../support/cluster/fleet/fleet.ts'
import { type Case, someCase } from './cases.ts'
import { CLUSTER_SETTINGS, podOf } from './pods.ts'

type Verdict = (typeof VERDICTS)[keyof typeof VERDICTS]

/** The plan of a case beside what the scheduler did. */
export interface Comparison {
  case: Case
  verdict: Verdict
  /** Orders in which every pod was bound, of how many. */
  bound: number
  orders: number
  agrees: boolean
}

/** Cases whose pods are bound at the same time: as many as two cores take. */
const AT_ONCE = 16
/** The same cases every time. */
const SEED = 6

/** Plans random stacks on random clusters, and has the scheduler bind their pods in random orders. */
export async function comparePlans(
  fleet: Fleet,
  cases: number,
  orders: number,
  report: (done: number) => void = () => {},
): Promise<Comparison[]> {
  const sample = fc.sample(someCase, { numRuns: cases, seed: SEED })
  const results: Comparison[] = []
  let next = 0
  const work = async () => {
    for (let index = next++; index < sample.length; index = next++) {
      results[index] = await compare(fleet, `case-${index}`, sample[index]!, orders)
      report(results.filter(Boolean).length)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return results
}

async function compare(
  fleet: Fleet,
  name: string,
  sampled: Case,
  orders: number,
): Promise<Comparison> {
  const nodes = nodesOfCluster(
    { items: sampled.nodes },
    { items: sampled.others },
    CLUSTER_SETTINGS,
  )
  const { workloads, verdict } = planOf(sampled, nodes)
  const pods = workloads.map((workload, number) => podOf(workload, `${number}`))
  const outcomes = await bindInTurn(fleet, {
    name,
    nodes: sampled.nodes,
    others: sampled.others,
    pods,
    orders: shuffles(pods.length, orders, sampled.seed),
  })
  const bound = outcomes.filter(pending => pending.length === 0).length
  return { case: sampled, verdict, bound, orders, agrees: agree(verdict, bound, orders) }
}

/** Where no node takes anything, the stack is sized for machines without GPUs, as a plan of none is. */
function planOf({ demand }: Case, nodes: readonly Node[]) {
  const open = nodes.filter(({ closed }) => closed === undefined)
  const { workloads } = sizeStack(demand, open)
  const verdict = open.length === 0 ? VERDICTS.none : planCapacity(workloads, open).verdict
  return { workloads, verdict }
}

function agree(verdict: Verdict, bound: number, orders: number): boolean {
  if (verdict === VERDICTS.any) return bound === orders
  if (verdict === VERDICTS.none) return bound === 0
  return true
}

function shuffles(length: number, count: number, seed: number): number[][] {
  const numbers = [...Array(length).keys()]
  const whole = { minLength: length, maxLength: length }
  return fc.sample(fc.shuffledSubarray(numbers, whole), { numRuns: count, seed })
}
