import { Failure } from '../failure.ts'
import { formatBytes } from '../units.ts'
import { type PlannedWorkload, VERDICTS } from './plan.ts'
import type { StackPlan } from './stack-plan.ts'

/**
 * Refuses a plan that does not fit.
 * @throws Failure `refused`, with the numbers and what would fit instead
 */
export function requireFit(plan: StackPlan): void {
  if (plan.verdict !== VERDICTS.none) return
  const [first, ...others] = plan.alternatives.map(describeAlternative)
  throw new Failure('refused', describeVerdict(plan), {
    mend:
      first === undefined
        ? 'no single change makes it fit: give it other machines, npm run plan -- --node memory=…,gpu=…'
        : ['what would fit, cheapest first:', first, ...others].join('\n    '),
  })
}

/** The verdict in a sentence or two: what fits where, or what is short by how much. */
export function describeVerdict(plan: StackPlan): string {
  if (plan.verdict === VERDICTS.any) return 'The stack fits, in whatever order it is placed.'
  if (plan.verdict === VERDICTS.some) {
    return 'The stack fits, but a scheduler that places its servers in another order can leave one without a machine.'
  }
  return plan.workloads
    .filter(({ short }) => short !== undefined)
    .map(workload => describeShortage(workload, plan))
    .join('\n')
}

function describeShortage(workload: PlannedWorkload, plan: StackPlan): string {
  const { requests, short = {} } = workload
  const best = plan.nodes.reduce((a, b) => (b.remaining.memory > a.remaining.memory ? b : a))
  const lacks = [
    short.memory !== undefined &&
      `${formatBytes(requests.memory)} of memory where ${formatBytes(best.remaining.memory)} is free on ${best.name}: ${formatBytes(short.memory)} short`,
    short.disk !== undefined &&
      `${formatBytes(requests.disk)} of disk where ${formatBytes(best.remaining.disk)} is free on ${best.name}`,
    short.cpu !== undefined &&
      `${requests.cpu} cores where ${best.remaining.cpu} are free on ${best.name}`,
    short.gpu !== undefined &&
      `${short.gpu.count} GPU with ${formatBytes(short.gpu.memory)} free, which no machine has`,
  ].filter(lack => lack !== false)
  return `${workload.name}${describeModels(workload, plan)} needs ${lacks.join(', and ')}.`
}

/** ` (gpt-oss:20b 14.2 GiB, nomic-embed-text:latest 578 MiB)` */
function describeModels({ models }: PlannedWorkload, plan: StackPlan): string {
  const shares = plan.models
    .filter(({ name }) => models.includes(name))
    .map(({ name, reserved, margin }) => `${name} ${formatBytes(reserved.host + margin.host)}`)
  return shares.length === 0 ? '' : ` (${shares.join(', ')})`
}

const describeAlternative = (
  { change, cost, settings }: StackPlan['alternatives'][number],
  index: number,
): string => {
  const commands = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  return `${index + 1}. ${change} (costs ${cost})${commands.length > 0 ? `: set ${commands.join(', ')}` : ''}`
}

/** What the data comes to, and the shard count that would suit it. */
export function describeData({ data }: StackPlan): string {
  const { vectors, shards, advised, wantedMillis } = data
  const now = `${vectors.toLocaleString('en')} vectors in ${shards} shards: a creator's query takes about ${Math.round(data.queryMillis)} ms`
  if (advised.shards === shards || data.queryMillis <= wantedMillis) return `${now}.`
  const then = `${advised.shards} shards would take ${Math.round(advised.queryMillis)} ms`
  return advised.meets
    ? `${now}; ${then}.`
    : `${now}; ${then}, more than the ${wantedMillis} wanted.`
}
