import type { Gpu, GpuPart, Node } from './hardware/hardware.ts'
import type { Estimate } from './model/estimate.ts'

/** Models that share GPUs: one Ollama serves them all. */
export interface Pool {
  /** The GPUs it takes, all alike. A model that is spread has its layers dealt out to them. */
  gpus: [Gpu, ...Gpu[]]
  /** Bytes that its models take on each. */
  used: number
  /** Indices of its models. */
  members: number[]
}

/** GPUs of one machine that are free and alike. */
type Stock = [Gpu, ...Gpu[]]

/** What models take with all their layers on GPUs, which differs for old ones. */
export type EstimatesOn = (gpu: Pick<Gpu, 'old'>) => readonly Estimate[]

/**
 * Puts models on GPUs: the largest first, onto a GPU that is in use where it fits beside the others, else onto
 * the smallest free one that holds it, else spread over several of one machine. What fits nowhere is left out.
 */
export function poolModels(estimatesOn: EstimatesOn, nodes: readonly Node[]): Pool[] {
  const stocks = nodes.flatMap(stocksOf).sort(([a], [b]) => a.memory - b.memory)
  const pools: Pool[] = []
  const estimates = estimatesOn({})
  const bySize = [...estimates.keys()].sort(
    (a, b) => onEach(estimates[b]!, 1) - onEach(estimates[a]!, 1),
  )
  for (const index of bySize) {
    const bytesOn = (gpu: Gpu, count: number) => onEach(estimatesOn(gpu)[index]!, count)
    const inPool = ({ gpus }: Pool) => bytesOn(gpus[0], gpus.length)
    const shared = pools.find(pool => pool.used + inPool(pool) <= pool.gpus[0].memory)
    const pool = shared ?? openPool(bytesOn, stocks)
    if (pool === undefined) continue
    if (shared === undefined) pools.push(pool)
    pool.members.push(index)
    pool.used += inPool(pool)
  }
  return pools
}

function openPool(bytesOn: (gpu: Gpu, count: number) => number, stocks: Stock[]): Pool | undefined {
  const most = Math.max(0, ...stocks.map(({ length }) => length))
  for (let count = 1; count <= most; count += 1) {
    const stock = stocks.find(
      ({ length, 0: gpu }) =>
        length >= count && bytesOn(gpu, count) <= gpu.memory && mayBeSpread(gpu, count),
    )
    if (stock === undefined) continue
    const gpus = stock.splice(0, count) as Pool['gpus']
    if (stock.length === 0) stocks.splice(stocks.indexOf(stock), 1)
    return { gpus, used: 0, members: [] }
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
  const kinds = Map.groupBy(gpus, ({ product: _, uuid: __, ...gpu }) => JSON.stringify(gpu))
  return Array.from({ length: template?.max ?? 1 }, () =>
    [...kinds.values()].map(alike => [...alike] as Stock),
  ).flat()
}
