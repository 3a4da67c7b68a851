import { z } from 'zod'
import { Failure } from '../failure.ts'
import { Gpu, Node } from './hardware/hardware.ts'
import {
  type Assignment,
  assign,
  type NodeRoom,
  orderDependence,
  roomOf,
  take,
} from './placement.ts'
import { Resources, Workload } from './workload.ts'

export const VERDICTS = {
  any: 'fits always',
  some: 'depends on placement order',
  none: 'never fits',
} as const

const Remaining = z.object({
  cpu: z.number(),
  memory: z.int(),
  disk: z.int().optional(),
  gpus: z.array(Gpu),
})

/** What the machine that comes nearest lacks for a workload, in cores and bytes. */
const Shortage = Resources.partial().extend({
  /** The machine; absent when none has such GPUs, or none takes what asks for no GPU. */
  node: z.string().optional(),
  /** Present where the machine takes no further pod. */
  pods: z.int().optional(),
})

const PlannedWorkload = Workload.extend({
  /** The machine it goes to; absent when none takes it. */
  node: z.string().optional(),
  short: Shortage.optional(),
})

const PlannedNode = Node.extend({ remaining: Remaining, workloads: z.array(z.string()) })

/** The plan of a set of servers on a set of machines. */
export const Plan = z.object({
  verdict: z.enum(VERDICTS),
  workloads: z.array(PlannedWorkload),
  nodes: z.array(PlannedNode),
  /** Sum of the machines' prices, where they have one; of a pool that scales from zero those that are used. */
  monthlyCost: z.number().optional(),
  currency: z.string().optional(),
})
export type Plan = z.infer<typeof Plan>
export type PlannedWorkload = z.infer<typeof PlannedWorkload>

/** What the stack itself already holds on a machine, by the machine's name: free to it. */
export type CurrentUsage = Readonly<Record<string, Pick<Resources, 'memory' | 'disk'>>>

/**
 * Places the workloads on the machines.
 * @param held what this stack already takes there, which a new deployment gives back first
 * @throws Failure when no machine is given
 */
export function planCapacity(
  workloads: readonly Workload[],
  nodes: readonly Node[],
  held: CurrentUsage = {},
): Plan {
  if (nodes.length === 0) {
    throw new Failure('misused', 'The plan has no machine to put anything on', {
      mend: 'npm run plan -- --node memory=64GiB,cpu=16, or without --node for this machine',
    })
  }
  const machines = nodes
    .flatMap(node => copies(node, workloads.length))
    .map(node => giveBack(node, held[node.name]))
  const rooms = machines.map(roomOf)
  const order = orderDependence(workloads, rooms)
  const assignment = assign(workloads, rooms) ?? fillGreedily(workloads, rooms)
  return { verdict: VERDICTS[order], ...describe(workloads, machines, assignment) }
}

/** A pool that scales from zero stands for as many machines as it may have, and as could be needed. */
function copies(node: Node, needed: number): Node[] {
  if (node.template === undefined) return [node]
  return Array.from({ length: Math.min(node.template.max, needed) }, (_, index) => ({
    ...node,
    name: `${node.name}-${index + 1}`,
  }))
}

function giveBack(node: Node, held: CurrentUsage[string] | undefined): Node {
  if (held === undefined) return node
  const disk = node.disk === undefined ? {} : { disk: node.disk + held.disk }
  return { ...node, memory: node.memory + held.memory, ...disk }
}

/** One after the other onto the first machine with room, so that a plan that cannot fit shows what is short. */
function fillGreedily(workloads: readonly Workload[], rooms: readonly NodeRoom[]): Assignment {
  const state = [...rooms]
  return workloads.map(workload => {
    const node = state.findIndex(room => take(room, workload) !== undefined)
    if (node !== -1) state[node] = take(state[node]!, workload)!
    return node
  })
}

/**
 * The currency of all costs, where one is said.
 * @throws Failure `misused` for costs of several, which have no sum
 */
function currencyOf(nodes: readonly Node[]): { currency?: string } {
  const [currency, ...others] = new Set(nodes.flatMap(({ currency }) => currency ?? []))
  if (others.length === 0) return currency === undefined ? {} : { currency }
  throw new Failure('misused', `The machines cost ${[currency, ...others].join(' and ')}`, {
    mend: 'give all costs in one currency: --node cost=700EUR',
  })
}

function describe(
  workloads: readonly Workload[],
  machines: readonly Node[],
  assignment: Assignment,
): Omit<Plan, 'verdict'> {
  const rooms = machines.map(roomOf)
  for (const [index, workload] of workloads.entries()) {
    const node = assignment[index]!
    if (node !== -1) rooms[node] = take(rooms[node]!, workload)!
  }
  const nodes = machines
    .map((node, index) => ({
      ...node,
      remaining: remainingOf(rooms[index]!),
      workloads: workloads.filter((_, at) => assignment[at] === index).map(({ name }) => name),
    }))
    .filter(node => node.template === undefined || node.workloads.length > 0)
  const costs = nodes.flatMap(({ monthlyCost }) => monthlyCost ?? [])
  return {
    workloads: workloads.map((workload, index) => ({
      ...workload,
      ...(assignment[index] === -1
        ? { short: shortOf(workload, machines, rooms) }
        : { node: machines[assignment[index]!]!.name }),
    })),
    nodes,
    ...(costs.length === 0 ? {} : { monthlyCost: costs.reduce((sum, cost) => sum + cost, 0) }),
    ...currencyOf(nodes),
  }
}

const remainingOf = ({ cpu, memory, disk, gpus }: NodeRoom): z.infer<typeof Remaining> => ({
  cpu,
  memory,
  gpus: [...gpus],
  ...(Number.isFinite(disk) ? { disk } : {}),
})

const ENDLESS = { cpu: Infinity, memory: Infinity, disk: Infinity, pods: Infinity }

/** Of the machines that could take it if they were large enough, the one with the most memory left is nearest. */
function shortOf(workload: Workload, machines: readonly Node[], rooms: readonly NodeRoom[]) {
  const { requests: demand } = workload
  const suited = [...rooms.keys()].filter(index => take({ ...rooms[index]!, ...ENDLESS }, workload))
  if (suited.length === 0) return demand.gpu === undefined ? {} : { gpu: demand.gpu }
  const nearest = suited.reduce((a, b) => (rooms[b]!.memory > rooms[a]!.memory ? b : a))
  const room = rooms[nearest]!
  const lacks = (['cpu', 'memory', 'disk'] as const).filter(key => demand[key] > room[key])
  return {
    node: machines[nearest]!.name,
    ...Object.fromEntries(lacks.map(key => [key, demand[key] - room[key]])),
    ...(room.pods < 1 && { pods: 1 }),
  }
}
