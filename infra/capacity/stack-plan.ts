import { z } from 'zod'
import type { KvCacheType } from '../config-schema.ts'
import { Failure } from '../failure.ts'
import { CATALOG, type ModelDefinition } from '../models.ts'
import { formatBytes } from '../units.ts'
import { findAlternatives } from './alternatives.ts'
import { estimateModel } from './estimate.ts'
import { architectureOf } from './figures.ts'
import type { Node } from './hardware.ts'
import { type Held, Plan, type PlannedWorkload, planCapacity, VERDICTS } from './plan.ts'
import { type ModelDemand, type SizedModel, type StackDemand, sizeStack } from './stack.ts'

const Bytes = z.int().nonnegative()
const Split = z.object({ host: Bytes, gpu: Bytes })

const PlannedModel = z.object({
  name: z.string(),
  role: z.enum(['embedding', 'chat']),
  /** The Ollama it is served by: `cpu`, `gpu`, `gpu-1`, … */
  pool: z.string(),
  contextLength: z.int().positive(),
  parallel: z.int().positive(),
  reserved: Split,
  resident: Split,
  margin: Split,
  /** False where the rules could not be confirmed by a measurement. */
  measured: z.boolean(),
  parts: z.array(
    z.object({ name: z.string(), reserved: Split, resident: Split, source: z.string() }),
  ),
  /** Bytes reserved, host and GPU together, at each context up to the trained one. */
  byContext: z.array(z.object({ contextLength: z.int(), f16: Bytes, q8_0: Bytes })),
})

/** The plan of a stack: what `npm run plan -- --json` prints. Memory and disk are in bytes, CPU in cores. */
export const StackPlan = Plan.extend({
  models: z.array(PlannedModel),
  /** What would fit when this does not, cheapest first. */
  alternatives: z.array(
    z.object({ change: z.string(), cost: z.string(), settings: z.record(z.string(), z.string()) }),
  ),
})
export type StackPlan = z.infer<typeof StackPlan>

/** Sizes a stack, places it and looks for alternatives when it does not fit. */
export function planStack(
  demand: StackDemand,
  nodes: readonly Node[],
  held: Held = {},
  candidates: readonly ModelDemand[] = catalogModels(demand),
): StackPlan {
  const { workloads, models } = sizeStack(demand, nodes)
  const plan = planCapacity(workloads, nodes, held)
  return {
    ...plan,
    models: models.map(model => describeModel(model, demand)),
    alternatives:
      plan.verdict === VERDICTS.none ? findAlternatives(demand, nodes, held, candidates) : [],
  }
}

/**
 * The figures of a model as the catalog has them.
 * @throws Failure for a model without figures
 */
export function catalogArchitecture({ name, figures, contextLength, sizeBytes }: ModelDefinition) {
  if (figures !== undefined) return architectureOf(figures, contextLength, sizeBytes)
  throw new Failure('misused', `${name} has no figures to plan its memory with`, {
    mend: `npm run models -- --lock reads them from the model's file`,
  })
}

/** Every model of the catalog, as it would run in the place of the stack's own of the same role. */
function catalogModels(demand: StackDemand): ModelDemand[] {
  return CATALOG.filter(model => model.figures !== undefined).map(model => {
    const wanted = demand.models.find(({ role }) => role === model.role)?.contextLength
    return {
      name: model.name,
      role: model.role,
      architecture: catalogArchitecture(model),
      contextLength: Math.min(wanted ?? model.contextLength, model.contextLength),
    }
  })
}

function describeModel(model: SizedModel, demand: StackDemand): StackPlan['models'][number] {
  const { name, role, pool, estimate } = model
  const { engine, parts, reserved, resident, margin, measured } = estimate
  const { contextLength, parallel } = engine
  return {
    name,
    role,
    pool,
    contextLength,
    parallel,
    reserved,
    resident,
    margin,
    measured,
    parts,
    byContext: reservedByContext(model, demand),
  }
}

function reservedByContext({ architecture, estimate }: SizedModel, demand: StackDemand) {
  const { gpuLayers } = estimate.engine
  const reserved = (contextLength: number, kvCache: KvCacheType) => {
    const runtime = { ...demand, contextLength, kvCache, gpuLayers }
    const { host, gpu } = estimateModel(architecture, runtime).reserved
    return Math.ceil(host + gpu)
  }
  return contextsUpTo(architecture.shape.contextLength).map(contextLength => ({
    contextLength,
    f16: reserved(contextLength, 'f16'),
    q8_0: reserved(contextLength, 'q8_0'),
  }))
}

/** Powers of two from 512, and the trained context itself. */
function contextsUpTo(trained: number): number[] {
  const doubled = Array.from({ length: 24 }, (_, index) => 512 * 2 ** index)
  return [...doubled.filter(tokens => tokens < trained), trained]
}

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
