import type { Gpu, GpuPart, Node } from './hardware/hardware.ts'
import type { Estimate } from './model/estimate.ts'

/** Models that share GPUs: one Ollama serves them all. */
export interface Pool {
  /** One of its GPUs; all are alike. */
  gpu: Gpu
  /** GPUs it takes. A model that is spread has its layers dealt out to them. */
  count: number
  /** Bytes that its models take on each. */
  used: number
  /** Indices of its models. */
  members: number[]
}

/** GPUs of one machine that are free and alike. */
interface Stock {
  gpu: Gpu
  free: number
}

/**
 * Puts models on GPUs: the largest first, onto a GPU that is in use where it fits beside the others, else onto
 * the smallest free one that holds it, else spread over several of one machine. What fits nowhere is left out.
 * @param estimates of the models with all their layers on GPUs
 */
export function poolModels(estimates: readonly Estimate[], nodes: readonly Node[]): Pool[] {
  const stocks = nodes.flatMap(stocksOf).sort((a, b) => a.gpu.memory - b.gpu.memory)
  const pools: Pool[] = []
  const bySize = [...estimates.keys()].sort(
    (a, b) => onEach(estimates[b]!, 1) - onEach(estimates[a]!, 1),
  )
  for (const index of bySize) {
    const estimate = estimates[index]!
    const shared = pools.find(pool => pool.used + onEach(estimate, pool.count) <= pool.gpu.memory)
    const pool = shared ?? openPool(estimate, stocks)
    if (pool === undefined) continue
    if (shared === undefined) pools.push(pool)
    pool.members.push(index)
    pool.used += onEach(estimate, pool.count)
  }
  return pools
}

function openPool(estimate: Estimate, stocks: readonly Stock[]): Pool | undefined {
  const most = Math.max(0, ...stocks.map(({ free }) => free))
  for (let count = 1; count <= most; count += 1) {
    const stock = stocks.find(
      ({ gpu, free }) =>
        free >= count && onEach(estimate, count) <= gpu.memory && mayBeSpread(gpu, count),
    )
    if (stock === undefined) continue
    stock.free -= count
    return { gpu: stock.gpu, count, used: 0, members: [] }
  }
  return undefined
}

/** A process uses one slice of a card, whatever it is given, and two shares may be of the same card. */
export const mayBeSpread = ({ part }: GpuPart, count: number): boolean =>
  count === 1 || part === undefined

/**
 * Bytes on each of so many GPUs: layers are dealt out whole, so that one GPU may get a layer more than its
 * share, and each needs the compute buffer and its own context.
 */
export function onEach({ parts, margin, layers }: Estimate, count: number): number {
  const bytes = (...names: string[]) =>
    parts
      .filter(({ name }) => names.includes(name))
      .reduce((sum, part) => sum + part.reserved.gpu, 0)
  const dealt = bytes('weights', 'kv')
  const share = count === 1 ? dealt : dealt / count + dealt / layers
  return Math.ceil(share + bytes('compute', 'process') + margin.gpu)
}

function stocksOf({ gpus, template }: Node): Stock[] {
  const kinds = Map.groupBy(gpus, ({ product: _, ...gpu }) => JSON.stringify(gpu))
  const stocks = [...kinds.values()].map(alike => ({ gpu: alike[0]!, free: alike.length }))
  return Array.from({ length: template?.max ?? 1 }, () =>
    stocks.map(stock => ({ ...stock })),
  ).flat()
}
