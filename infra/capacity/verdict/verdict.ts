import { Failure } from '../../failure.ts'
import { neverRun } from '../../settings/ollama-version.ts'
import { formatBytes } from '../../units.ts'
import { type PlannedWorkload, VERDICTS } from '../capacity-plan.ts'
import { READING_SPEED } from '../model/speed.ts'
import type { StackPlan } from '../stack-plan.ts'
import type { Alternative } from './alternatives.ts'

/**
 * Refuses a plan that does not fit.
 * @throws Failure `refused`, with the numbers and what would fit instead
 */
export function requireFit(plan: StackPlan): void {
  if (plan.verdict !== VERDICTS.none) return
  const [first, ...others] = plan.alternatives.map(
    (alternative, index) => `${index + 1}. ${describeAlternative(alternative)}`,
  )
  throw new Failure('refused', [describeVerdict(plan), ...plan.passedOver].join('\n'), {
    mend:
      first === undefined
        ? 'no single change makes it fit: give it other machines, npm run plan -- --node memory=…,gpu=…'
        : ['what would fit, cheapest first:', first, ...others].join('\n    '),
  })
}

/** The verdict in a sentence or two: what fits where with what left, or what is short by how much. */
export function describeVerdict(plan: StackPlan): string {
  if (plan.verdict === VERDICTS.none) {
    const short = plan.workloads.filter(({ short }) => short !== undefined)
    return short.map(workload => describeShortage(workload, plan)).join('\n')
  }
  const left = describeLeft(plan)
  return plan.verdict === VERDICTS.any
    ? `The stack fits, in whatever order it is placed; ${left}.`
    : `The stack fits, but a scheduler that places its servers in another order can leave one without a machine; ${left}.`
}

/** `2.1 GiB of memory is left on node-2` */
function describeLeft({ nodes }: StackPlan): string {
  const used = nodes.filter(({ workloads }) => workloads.length > 0)
  const least = used.reduce((a, b) => (b.remaining.memory < a.remaining.memory ? b : a))
  const left = `${formatBytes(least.remaining.memory)} of memory is left on ${least.name}`
  return used.length === 1 ? left : `${left}, more on the others`
}

/** `ollama-cpu (gpt-oss:20b 14.2 GiB) needs 14.5 GiB of memory; this machine has 3.1 GiB left: 11.4 GiB short.` */
function describeShortage(workload: PlannedWorkload, plan: StackPlan): string {
  const who = `${workload.name}${describeModels(workload, plan)}`
  const { requests, short = {} } = workload
  if (short.gpu !== undefined) {
    const { count, memory } = short.gpu
    return `${who} needs ${count} GPU${count > 1 ? 's' : ''} with ${formatBytes(memory)} free, which no machine has.`
  }
  if (short.node === undefined) return `${who} needs a machine that is not kept for GPUs.`
  const lacks = (['memory', 'disk'] as const).flatMap(what => {
    const missing = short[what]
    if (missing === undefined) return []
    const [needed, left] = [requests[what], requests[what] - missing].map(formatBytes)
    return `${needed} of ${what}, and ${short.node} has ${left} left for it: ${formatBytes(missing)} short`
  })
  if (short.pods !== undefined)
    lacks.push(`room for a pod, and ${short.node} takes no more of them`)
  if (short.cpu !== undefined) {
    lacks.push(
      `${requests.cpu} cores, and ${short.node} has ${requests.cpu - short.cpu} left for it`,
    )
  }
  return `${who} needs ${lacks.join('; it needs ')}.`
}

/** ` (gpt-oss:20b 14.2 GiB, nomic-embed-text:latest 578 MiB)` */
function describeModels({ models }: PlannedWorkload, plan: StackPlan): string {
  const shares = plan.models
    .filter(({ name }) => models.includes(name))
    .map(({ name, reserved, margin }) => `${name} ${formatBytes(reserved.host + margin.host)}`)
  return shares.length === 0 ? '' : ` (${shares.join(', ')})`
}

/** `a q8_0 KV cache (costs a little precision on long contexts): set kvCacheType=q8_0` */
export function describeAlternative({ change, cost, settings }: Alternative): string {
  const pairs = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  return `${change} (costs ${cost})${pairs.length > 0 ? `: set ${pairs.join(', ')}` : ''}`
}

/** What the machines cost, what is too large for their GPUs, which estimates nobody could confirm; if anything. */
export function describeCaveats(plan: StackPlan): string[] {
  const { monthlyCost, currency, models, nodes, ollama } = plan

  const hasGpus = nodes.some(({ gpus }) => gpus.length > 0)
  const left = models.filter(({ pool }) => hasGpus && pool === 'cpu').map(({ name }) => name)
  const unmeasured = models.filter(({ measured }) => !measured).map(({ name }) => name)
  const caveats = [
    ...[...plan.passedOver, ...plan.forced].map(what => `${what}.`),
    ...describeArchitectures(plan),
    describeScaled(plan),
    `Planned for Ollama ${ollama.version}. ${neverRun(ollama.version) ?? ''}`.trimEnd(),
    monthlyCost !== undefined &&
      `The machines cost ${[monthlyCost, currency].filter(Boolean).join(' ')} a month.`,
    ...models.flatMap(describeSpeed),
    ...describeTurns(plan),
    left.length > 0 &&
      `No GPU holds all of ${left.join(', ')}: it answers at the speed of the CPU.`,
    unmeasured.length > 0 &&
      `By the engine's rules, not confirmed by a measurement: ${unmeasured.join(', ')}.`,
  ]
  return caveats.filter(caveat => caveat !== false)
}

/** By the bandwidth of memory alone: a busy machine is slower. */
function describeSpeed({ name, tokensPerSecond }: StackPlan['models'][number]): string[] {
  if (tokensPerSecond === undefined) return []
  const { low, high } = tokensPerSecond
  const rounded = (speed: number) => (speed < 10 ? speed.toPrecision(1) : speed.toFixed(0))
  const range = `${name} answers with some ${rounded(low)} to ${rounded(high)} tokens a second, by the bandwidth of its memory`
  if (high < READING_SPEED) return [`${range}: slower than people read.`]
  return [low < READING_SPEED ? `${range}: perhaps slower than people read.` : `${range}.`]
}

/** Images of one's own are often made for one kind of machine. */
function describeArchitectures({ nodes }: StackPlan): string[] {
  const found = [...new Set(nodes.flatMap(({ labels }) => labels?.['kubernetes.io/arch'] ?? []))]
  if (found.length < 2) return []
  return [
    `Its machines are ${found.sort().join(' and ')}: every image has to be for all of these, that of the API too, or kubernetes.architectures names one.`,
  ]
}

/** A turn on a card keeps nobody from its memory. */
const describeTurns = ({ workloads }: StackPlan): string[] =>
  workloads.flatMap(({ name, requests }) =>
    requests.gpu?.part === 'time-share'
      ? `${name} has a turn on a time-sliced card, as if it had all of its memory: whoever has the other turns may take it.`
      : [],
  )

/** What becomes of the stack when its autoscalers ask for all they may. */
function describeScaled({ scaled }: StackPlan): string | false {
  if (scaled === undefined) return false
  const { ollama, api, verdict } = scaled
  const pods = `Scaled to ${ollama} ${ollama > 1 ? 'pods' : 'pod'} of each Ollama and ${api} of the API, it`
  return verdict === VERDICTS.none
    ? `${pods} ${VERDICTS.none}: the last of them wait until there is room.`
    : `${pods} ${verdict}.`
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
