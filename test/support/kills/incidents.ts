import { MOMENTS, type Moment } from './phase-proxy.ts'
import { PHASES, type Phase } from './phases.ts'

export const ACTIONS = ['kill API', 'kill Chroma', 'kill both', 'hang up', 'stop API'] as const
export type Action = (typeof ACTIONS)[number]
export const isKill = (action: Action): boolean => action.startsWith('kill')

/** Something that is to happen to a request of one of the processes. */
export interface Incident {
  phase: Phase
  moment: Moment
  action: Action
  /** Which process: one of the two APIs, or the one that loads in bulk. */
  process: 0 | 1 | 'bulk'
}

/** Phases that a load in bulk has. */
const OF_BULK: ReadonlySet<Phase> = new Set(PHASES.filter(phase => !/^(read|deletion)/.test(phase)))

/**
 * So many incidents in an order that is drawn, every combination of phase, moment and action as often as any other, give
 * or take one, and the first ones of each phase and of each action.
 */
export function drawIncidents(random: () => number, count: number): Incident[] {
  const left: Omit<Incident, 'process'>[] = []
  const incidents: Incident[] = []
  for (let drawn = 0; drawn < count; drawn += 1) {
    if (left.length === 0) left.push(...shuffled(combinations(), random))
    const phase = PHASES[drawn % PHASES.length]
    const action = ACTIONS[drawn % ACTIONS.length]
    const fits = [
      left.findIndex(one => one.phase === phase && one.action === action),
      left.findIndex(one => one.phase === phase),
      0,
    ].find(at => at >= 0)!
    const [next] = left.splice(fits, 1)
    incidents.push({ ...next!, process: processFor(next!.phase, random) })
  }
  return incidents
}

const combinations = () =>
  PHASES.flatMap(phase =>
    MOMENTS.flatMap(moment => ACTIONS.map(action => ({ phase, moment, action }))),
  )

function processFor(phase: Phase, random: () => number): Incident['process'] {
  const all = OF_BULK.has(phase) ? ([0, 1, 'bulk'] as const) : ([0, 1] as const)
  return all[Math.floor(random() * all.length)]!
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map(item => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
