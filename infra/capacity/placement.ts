import type { Gpu, Node } from './hardware/hardware.ts'
import { mayBeSpread } from './pools.ts'
import type { NodeRequirement, Workload } from './workload.ts'

/** What is left on a machine. */
export interface NodeRoom {
  cpu: number
  memory: number
  /** Infinity where volumes come from elsewhere. */
  disk: number
  /** Infinity outside of clusters. */
  pods: number
  /** Of a machine of a cluster, where what is asked of them has to be so. */
  labels?: Readonly<Record<string, string>>
  /** GPUs that nothing was given yet, smallest first. */
  gpus: readonly Gpu[]
  /** Only those who ask for a GPU may come here. */
  gpuOnly: boolean
  /** What it costs to put the first workload here: a machine that would have to be added. 0 once that was done. */
  price: number
}

/** All that matters of a workload here. */
export type Placeable = Pick<Workload, 'requests' | 'nodes'>

/** For each workload the index of its machine. */
export type Assignment = readonly number[]

export type Order = 'any' | 'some' | 'none'

/** States looked at before the search gives up: enough for every stack of a dozen servers. */
const SEARCH_LIMIT = 200_000

export const roomOf = (node: Node): NodeRoom => ({
  cpu: node.cpu,
  memory: node.memory,
  disk: node.disk ?? Number.POSITIVE_INFINITY,
  pods: node.pods ?? Number.POSITIVE_INFINITY,
  ...(node.labels && { labels: node.labels }),
  gpus: [...node.gpus].sort((a, b) => a.memory - b.memory),
  gpuOnly: node.gpuOnly ?? false,
  price: node.template === undefined ? 0 : (node.monthlyCost ?? 0),
})

/** The room that is left when the demand is met, or undefined when it cannot be. */
export function take(room: NodeRoom, { requests: demand, nodes }: Placeable): NodeRoom | undefined {
  const { gpu } = demand
  const left = thousandths(room.cpu) - thousandths(demand.cpu)
  const tight = left < 0 || demand.memory > room.memory || demand.disk > room.disk
  if (tight || room.pods < 1 || (room.gpuOnly && gpu === undefined)) return undefined
  if (!nodes.every(each => isMet(each, room.labels))) return undefined
  const fitting = room.gpus.flatMap(({ resource, memory }, index) =>
    gpu !== undefined && resource === gpu.resource && memory >= gpu.memory ? [index] : [],
  )
  if (gpu !== undefined && !mayBeSpread(gpu, gpu.count)) return undefined
  const taken = new Set(fitting.slice(0, gpu?.count ?? 0))
  if (taken.size < (gpu?.count ?? 0)) return undefined
  return {
    ...room,
    cpu: left / 1000,
    memory: room.memory - demand.memory,
    disk: room.disk - demand.disk,
    pods: room.pods - 1,
    gpus: room.gpus.filter((_, index) => !taken.has(index)),
    price: 0,
  }
}

/** As the scheduler reads a requirement; a machine without labels is none of a cluster. */
function isMet(
  { key, operator, values = [] }: NodeRequirement,
  labels: NodeRoom['labels'],
): boolean {
  if (labels === undefined) return true
  const value = labels[key]
  const number = /^-?\d+$/.test(value ?? '') ? Number(value) : Number.NaN
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return number > Number(values[0])
    case 'Lt':
      return number < Number(values[0])
  }
}

/** As Kubernetes counts cores; sums of fractions would miss the last one. */
const thousandths = (cores: number): number => Math.round(cores * 1000)

/**
 * Finds a machine for every workload so that the machines used cost as little as possible, trying large workloads
 * first.
 * @returns undefined when no assignment exists
 */
export function assign(
  workloads: readonly Placeable[],
  rooms: readonly NodeRoom[],
): Assignment | undefined {
  const order = [...workloads.keys()].sort((a, b) => weight(workloads[b]!) - weight(workloads[a]!))
  const chosen: number[] = []
  let best: { cost: number; assignment: Assignment } | undefined
  /** The least cost at which a state was reached. */
  const seen = new Map<string, number>()
  const search = (depth: number, state: readonly NodeRoom[], cost: number): void => {
    if (best !== undefined && cost >= best.cost) return
    const index = order[depth]
    if (index === undefined) {
      best = { cost, assignment: [...chosen] }
      return
    }
    const key = stateKey(state, String(depth))
    if ((seen.get(key) ?? Number.POSITIVE_INFINITY) <= cost || seen.size > SEARCH_LIMIT) return
    seen.set(key, cost)
    const choices = placements(state, workloads[index]!)
    for (const [node, next] of choices.sort(([a], [b]) => state[a]!.price - state[b]!.price)) {
      chosen[index] = node
      search(depth + 1, next, cost + state[node]!.price)
    }
  }
  search(0, rooms, 0)
  return best?.assignment
}

/**
 * Whether a scheduler that binds one workload after the other, never moving any, ends with all of them bound:
 * in any order and with any choice of machines, in some, or in none.
 */
export function orderDependence(
  workloads: readonly Placeable[],
  rooms: readonly NodeRoom[],
): Order {
  if (assign(workloads, rooms) === undefined) return 'none'
  return canStrand(workloads, rooms) ? 'some' : 'any'
}

/** Whether some of the workloads can be bound so that another one finds no machine. */
function canStrand(workloads: readonly Placeable[], rooms: readonly NodeRoom[]): boolean {
  const seen = new Set<string>()
  const search = (left: readonly number[], state: readonly NodeRoom[]): boolean => {
    const key = stateKey(
      state,
      left
        .map(index => kindOf(workloads[index]!))
        .sort()
        .join('+'),
    )
    if (seen.has(key)) return false
    if (seen.size > SEARCH_LIMIT) return true
    seen.add(key)
    return left.some(index => {
      const choices = placements(state, workloads[index]!)
      const rest = left.filter(other => other !== index)
      return choices.length === 0 || choices.some(([, next]) => search(rest, next))
    })
  }
  return search([...workloads.keys()], rooms)
}

/** Every machine that takes the workload, alike ones once, with the state that follows. */
function placements(state: readonly NodeRoom[], workload: Placeable) {
  const tried = new Set<string>()
  return state.flatMap((room, node): [number, readonly NodeRoom[]][] => {
    const key = roomKey(room)
    const left = tried.has(key) ? undefined : take(room, workload)
    tried.add(key)
    return left === undefined ? [] : [[node, state.with(node, left)]]
  })
}

const roomKey = (room: NodeRoom): string =>
  [
    room.cpu.toFixed(3),
    room.memory,
    room.disk,
    room.pods,
    JSON.stringify(room.labels),
    room.gpuOnly,
    room.price,
    ...room.gpus.map(gpu => `${gpu.resource}:${gpu.memory}`),
  ].join('/')

const stateKey = (state: readonly NodeRoom[], rest: string): string =>
  `${state.map(roomKey).sort().join(' ')}|${rest}`

const kindOf = ({ requests, nodes }: Placeable): string => JSON.stringify([requests, nodes])

const weight = ({ requests }: Placeable): number =>
  (requests.gpu ? requests.gpu.count * 2 ** 50 : 0) + requests.memory
