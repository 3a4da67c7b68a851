import { z } from 'zod'
import { Failure } from '../failure.ts'
import { Gpu, Node } from './hardware.ts'
import { type Assignment, assign, orderDependence, type Room, roomOf, take } from './placement.ts'
import { Resources, Workload } from './workload.ts'

export const VERDICTS = {
  any: 'fits always',
  some: 'depends on placement order',
  none: 'never fits',
} as const

const Remaining = z.object({
  cpu: z.number(),
  memory: z.int(),
  disk: z.int(),
  gpus: z.array(Gpu),
})

const PlannedWorkload = Workload.extend({
  /** The machine it goes to; absent when none takes it. */
  node: z.string().optional(),
  /** What the machine that comes nearest lacks for it, in cores and bytes. */
  short: Resources.partial().optional(),
})

const PlannedNode = Node.extend({ remaining: Remaining, workloads: z.array(z.string()) })

/** The plan of a set of servers on a set of machines. */
export const Plan = z.object({
  verdict: z.enum(VERDICTS),
  workloads: z.array(PlannedWorkload),
  nodes: z.array(PlannedNode),
  /** Sum of the prices of the machines that are used, where those have one. */
  monthlyCost: z.number().optional(),
})
export type Plan = z.infer<typeof Plan>
export type PlannedWorkload = z.infer<typeof PlannedWorkload>

/** What the stack itself already holds on a machine, by the machine's name: free to it. */
export type Held = Readonly<Record<string, Pick<Resources, 'memory' | 'disk'>>>

/**
 * Places the workloads on the machines.
 * @param held what this stack already takes there, which a new deployment gives back first
 * @throws Failure when no machine is given
 */
export function planCapacity(
  workloads: readonly Workload[],
  nodes: readonly Node[],
  held: Held = {},
): Plan {
  if (nodes.length === 0) {
    throw new Failure('misused', 'The plan has no machine to put anything on', {
      mend: 'npm run plan -- --node memory=64GiB,cpu=16, or without --node for this machine',
    })
  }
  const machines = nodes.flatMap(copies).map(node => giveBack(node, held[node.name]))
  const rooms = machines.map(roomOf)
  const order = orderDependence(workloads, rooms)
  const assignment = assign(workloads, rooms) ?? fillGreedily(workloads, rooms)
  return { verdict: VERDICTS[order], ...describe(workloads, machines, assignment) }
}

/** A pool that scales from zero stands for as many machines as it may have. */
function copies(node: Node): Node[] {
  if (node.template === undefined) return [node]
  return Array.from({ length: node.template.max }, (_, index) => ({
    ...node,
    name: `${node.name}-${index + 1}`,
  }))
}

const giveBack = (node: Node, held: Held[string] | undefined): Node =>
  held === undefined
    ? node
    : { ...node, memory: node.memory + held.memory, disk: node.disk + held.disk }

/** One after the other onto the first machine with room, so that a plan that cannot fit shows what is short. */
function fillGreedily(workloads: readonly Workload[], rooms: readonly Room[]): Assignment {
  const state = [...rooms]
  return workloads.map(workload => {
    const node = state.findIndex(room => take(room, workload.requests) !== undefined)
    if (node !== -1) state[node] = take(state[node]!, workload.requests)!
    return node
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
    if (node !== -1) rooms[node] = take(rooms[node]!, workload.requests)!
  }
  const nodes = machines
    .map((node, index) => ({
      ...node,
      remaining: { ...rooms[index]!, gpus: [...rooms[index]!.gpus] },
      workloads: workloads.filter((_, at) => assignment[at] === index).map(({ name }) => name),
    }))
    .filter(node => node.template === undefined || node.workloads.length > 0)
  const costs = nodes.flatMap(({ monthlyCost }) => monthlyCost ?? [])
  return {
    workloads: workloads.map((workload, index) => ({
      ...workload,
      ...(assignment[index] === -1
        ? { short: shortOf(workload.requests, rooms) }
        : { node: machines[assignment[index]!]!.name }),
    })),
    nodes,
    ...(costs.length === 0 ? {} : { monthlyCost: costs.reduce((sum, cost) => sum + cost, 0) }),
  }
}

/** What the machine with the most memory left lacks. */
function shortOf(demand: Resources, rooms: readonly Room[]): Partial<Resources> {
  const nearest = rooms.reduce((best, room) => (room.memory > best.memory ? room : best))
  const lacks = (need: number, has: number) => Math.max(0, need - has)
  const short: Partial<Resources> = {}
  if (demand.cpu > nearest.cpu) short.cpu = lacks(demand.cpu, nearest.cpu)
  if (demand.memory > nearest.memory) short.memory = lacks(demand.memory, nearest.memory)
  if (demand.disk > nearest.disk) short.disk = lacks(demand.disk, nearest.disk)
  if (
    demand.gpu &&
    !rooms.some(room => take({ ...room, cpu: 1e9, memory: 2 ** 60, disk: 2 ** 60 }, demand))
  ) {
    short.gpu = demand.gpu
  }
  return short
}
