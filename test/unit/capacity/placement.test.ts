import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assign,
  type NodeRoom,
  orderDependence,
  type Placeable,
  take,
} from '../../../infra/capacity/placement.ts'

const workload = (memory: number, gpuMemory?: number): Placeable => ({
  nodes: [],
  requests: {
    cpu: 1,
    memory,
    disk: 1,
    ...(gpuMemory === undefined
      ? {}
      : { gpu: { count: 1, memory: gpuMemory, resource: 'nvidia.com/gpu' } }),
  },
})

const room = (memory: number, ...gpus: number[]): NodeRoom => ({
  cpu: 10,
  memory,
  disk: 10,
  pods: 10,
  gpus: gpus
    .toSorted((a, b) => a - b)
    .map(memory => ({ product: 'GPU', memory, resource: 'nvidia.com/gpu' })),
  gpuOnly: false,
  price: 0,
})

/** Every run of a scheduler that binds one after the other, in every order, onto every machine that takes it. */
function* greedyRuns(left: readonly Placeable[], rooms: readonly NodeRoom[]): Generator<boolean> {
  if (left.length === 0) yield true
  for (const [index, next] of left.entries()) {
    const rest = left.toSpliced(index, 1)
    const states = rooms.flatMap((room, node) => {
      const after = take(room, next)
      return after === undefined ? [] : [rooms.with(node, after)]
    })
    if (states.length === 0) yield false
    for (const state of states) yield* greedyRuns(rest, state)
  }
}

const someGpu = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined })
const someWorkload = fc
  .tuple(fc.integer({ min: 1, max: 6 }), someGpu)
  .map(args => workload(...args))
const someRoom = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }))
  .map(([memory, gpus]) => room(memory, ...gpus))
const someStack = fc.array(someWorkload, { minLength: 1, maxLength: 4 })
const someMachines = fc.array(someRoom, { minLength: 1, maxLength: 3 })

describe('the verdict', () => {
  it('is that of all runs of a greedy scheduler', () => {
    fc.assert(
      fc.property(someStack, someMachines, (workloads, rooms) => {
        const runs = new Set(greedyRuns(workloads, rooms))
        const expected = !runs.has(true) ? 'none' : runs.has(false) ? 'some' : 'any'
        expect(orderDependence(workloads, rooms)).toBe(expected)
      }),
      { numRuns: 1000 },
    )
  })

  it('gives an assignment that every machine has room for, exactly when there is one', () => {
    fc.assert(
      fc.property(someStack, someMachines, (workloads, rooms) => {
        const assignment = assign(workloads, rooms)
        const possible = [...greedyRuns(workloads, rooms)].includes(true)
        expect(assignment !== undefined).toBe(possible)
        const state = [...rooms]
        for (const [index, node] of assignment?.entries() ?? []) {
          const after = take(state[node]!, workloads[index]!)
          expect(after).toBeDefined()
          state[node] = after!
        }
      }),
    )
  })

  it('does not depend on the order in which servers and machines are named', () => {
    fc.assert(
      fc.property(someStack, someMachines, (workloads, rooms) => {
        const turned = orderDependence(workloads.toReversed(), rooms.toReversed())
        expect(turned).toBe(orderDependence(workloads, rooms))
      }),
    )
  })
})

it('depends on the order where a small server can take the place of a large one', () => {
  const rooms = [room(6), room(4)]
  expect(orderDependence([workload(6), workload(4)], rooms)).toBe('some')
})

it('counts cores in thousandths: a machine takes what fills it to the last one, in any order', () => {
  const cpus = [0.3, 1.1, 0.1, 1.1, 0.3]
  const workloads = cpus.map(cpu => ({ nodes: [], requests: { cpu, memory: 1, disk: 0 } }))
  expect(orderDependence(workloads, [{ ...room(10), cpu: 2.9 }])).toBe('any')
})

it('is decided within moments for a dozen servers on a dozen machines', () => {
  const workloads = Array.from({ length: 12 }, (_, index) => workload(3 + (index % 3)))
  const rooms = Array.from({ length: 12 }, (_, index) => room(5 + (index % 2)))
  expect(orderDependence(workloads, rooms)).toBe('any')
})
