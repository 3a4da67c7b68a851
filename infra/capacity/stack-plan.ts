import { z } from 'zod'
import { Failure } from '../failure.ts'
import { CATALOG } from '../settings/model-catalog.ts'
import type { ModelDefinition } from '../settings/model-definition.ts'
import { suitesOf } from '../settings/ollama-version.ts'
import type { KvCacheType } from '../settings/settings-schema.ts'
import { type CurrentUsage, Plan, planCapacity, VERDICTS } from './capacity-plan.ts'
import { adviseShards, type DataDemand, queryMillis } from './chroma-memory.ts'
import { knownGpus, type Node, openNodes } from './hardware/hardware.ts'
import { estimateModel } from './model/estimate.ts'
import { architectureOf } from './model/figures.ts'
import { speedOf } from './model/speed.ts'
import type { ModelDemand, SizedModel } from './sized-model.ts'
import { type PodCounts, type StackDemand, sizeStack } from './stack.ts'
import { findAlternatives } from './verdict/alternatives.ts'

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
  /** Tokens a second of an answer; absent for embeddings, and on a GPU that nobody knows. */
  tokensPerSecond: z.object({ low: z.number(), high: z.number() }).optional(),
  /** Bytes reserved, host and GPU together, at each context up to the trained one. */
  byContext: z.array(z.object({ contextLength: z.int(), f16: Bytes, q8_0: Bytes })),
})

const PlannedData = z.object({
  vectors: z.int(),
  shards: z.int().positive(),
  /** Milliseconds that a creator's query is expected to take. */
  queryMillis: z.number(),
  /** The fewest shards that keep it below what is wanted, or the most there may be. */
  advised: z.object({ shards: z.int(), queryMillis: z.number(), meets: z.boolean() }),
  wantedMillis: z.number(),
})

/** The plan of a stack: what `npm run plan -- --json` prints. Memory and disk are in bytes, CPU in cores. */
export const StackPlan = Plan.extend({
  models: z.array(PlannedModel),
  data: PlannedData,
  /** The Ollama that the memory is planned for; `ran` says which suites of this project did against it. */
  ollama: z.object({ version: z.string(), ran: z.string().optional() }),
  /** What is there and not planned with, and why. */
  passedOver: z.array(z.string()),
  /** Where an engine does otherwise than the settings say. */
  forced: z.array(z.string()),
  /** The same with as many pods as autoscalers may come to; absent where none scales. */
  scaled: z.object({ ollama: z.int(), api: z.int(), verdict: z.enum(VERDICTS) }).optional(),
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
  held: CurrentUsage = {},
  candidates: readonly ModelDemand[] = catalogModels(demand),
): StackPlan {
  const open = openNodes(nodes)
  const { workloads, models, products } = sizeStack(demand, open)
  const plan = planCapacity(workloads, open, held)
  return {
    ...plan,
    models: models.map(model => describeModel(model, demand, products[model.pool])),
    data: planData(demand.data),
    ollama: describeOllama(demand.ollama),
    alternatives:
      plan.verdict === VERDICTS.none ? findAlternatives(demand, open, held, candidates) : [],
    passedOver: nodes.flatMap(passedOver),
    forced: models.flatMap(model => forcedOn(model, demand)),
    ...(demand.scaled && { scaled: planScaled(demand, demand.scaled, open, held) }),
  }
}

/** A machine as a whole, or of its GPUs those that a plan knows too little of. */
const passedOver = ({ name, closed, notPlanned = [] }: Node): string[] =>
  closed === undefined
    ? notPlanned.map(gpus => `GPUs of ${name} are passed over: ${gpus}`)
    : [`${name} is passed over: it ${closed}`]

function forcedOn({ name, role, architecture, estimate }: SizedModel, demand: StackDemand) {
  const { parallel, kvCache } = estimate.engine
  const { family } = architecture.shape
  const forced: string[] = []
  if (role === 'chat' && parallel < demand.parallel) {
    forced.push(
      `${name} answers one request at a time, not ${demand.parallel}: Ollama has models of the family ${family} do so`,
    )
  }
  if (role === 'chat' && kvCache !== demand.kvCache) {
    forced.push(
      `${name} keeps a cache of ${kvCache}, not ${demand.kvCache}: there is no flash attention for it, of its family (${family}) or on its GPU`,
    )
  }
  return forced
}

function planScaled(
  demand: StackDemand,
  pods: PodCounts,
  nodes: readonly Node[],
  held: CurrentUsage,
) {
  const { workloads } = sizeStack({ ...demand, pods }, nodes)
  const { verdict } = planCapacity(workloads, nodes, held)
  return { ollama: pods.ollama, api: pods.api, verdict }
}

/**
 * The figures of a model as the catalog has them.
 * @throws Failure for a model without figures
 */
export function catalogArchitecture({ name, figures, contextLength, sizeBytes }: ModelDefinition) {
  if (figures !== undefined) return architectureOf(figures, contextLength, sizeBytes)
  throw new Failure('misused', `${name} has no figures to plan its memory with`, {
    mend: `npm run models -- --write-lock reads them from the model's file`,
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

function describeOllama(version: string): StackPlan['ollama'] {
  const ran = suitesOf(version)
  return { version, ...(ran !== undefined && { ran }) }
}

/** A filtered query that takes longer is felt by those who wait for an answer. */
const WANTED_QUERY_MILLIS = 30

const planData = (data: DataDemand): StackPlan['data'] => ({
  vectors: data.creators * data.chunksPerCreator,
  shards: data.shards,
  queryMillis: queryMillis(data, data.shards),
  advised: adviseShards(data, WANTED_QUERY_MILLIS),
  wantedMillis: WANTED_QUERY_MILLIS,
})

function describeModel(
  model: SizedModel,
  demand: StackDemand,
  product: string | undefined,
): StackPlan['models'][number] {
  const { name, role, pool, estimate, architecture } = model
  const bandwidth = product === undefined ? undefined : knownGpus(product)[0]?.bandwidth
  const speed = role === 'chat' ? speedOf(architecture, estimate, bandwidth) : undefined
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
    ...(speed && { tokensPerSecond: speed }),
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
