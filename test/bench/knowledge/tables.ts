import { availableParallelism } from 'node:os'
import { MiB } from '../../../infra/units.ts'
import { median } from '../bench.ts'
import { type Busy, QUERIES_A_SECOND } from './busy.ts'
import { percentile, type Timed } from './callers.ts'
import type { Ingest } from './ingest.ts'
import type { Memory } from './memory.ts'
import type { Overhead } from './overhead.ts'
import { type Compared, type Recall, WARM } from './queries.ts'
import type { ShardFigures } from './shards.ts'

export interface KnowledgeFigures {
  creators: number
  chunks: number
  /** Chunks of the largest creator. */
  largest: number
  ingest: Ingest
  queries: Compared[]
  recall: Recall[]
  overhead: Overhead
  shards: ShardFigures[]
  busy: Busy
  memory: Memory[]
}

export function knowledgeTables(figures: KnowledgeFigures): string {
  return [
    `${figures.chunks} chunks of 384 dimensions of ${figures.creators} creators, Zipf-shaped (the largest has ` +
      `${figures.largest}), in ${figures.shards.length} shards of one server, ${availableParallelism()} cores. ` +
      `Bare is the \`chromadb\` client with a filtered \`query\` on the same data; ratios are medians of runs in turn. ` +
      `Each store was asked about ${WARM} other creators of each shard before.`,
    '',
    ...queryTable(figures),
    '',
    ...otherTable(figures),
    '',
    ...shardTable(figures),
  ].join('\n')
}

function queryTable({ queries, recall }: KnowledgeFigures): string[] {
  return [
    '| Chunks of the creator | Callers | Asked | Store p50 / p99 | Bare p50 / p99 | Queries a second | Bare | Ratio | Recall | Bare |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...queries.map(compared => {
      const { store, bare } = recall.find(one => one.class === compared.class)!
      const rate = (runs: Timed[]) => median(runs.map(run => run.rate))
      const ratio = compared.store.map((run, round) => run.rate / compared.bare[round]!.rate)
      return row([
        compared.class,
        `${compared.callers}`,
        ASKED[compared.asked],
        spread(compared.store.flatMap(run => run.calls)),
        spread(compared.bare.flatMap(run => run.calls)),
        rate(compared.store).toFixed(0),
        rate(compared.bare).toFixed(0),
        `${median(ratio).toFixed(2)} ×`,
        store.toFixed(3),
        bare.toFixed(3),
      ])
    }),
  ]
}

const ASKED = { first: 'for the first time', again: 'again, something else' }

function otherTable({ ingest, overhead, busy, memory }: KnowledgeFigures): string[] {
  const over = overhead.store.map((millis, round) => millis / overhead.requests[round]! - 1)
  const ratio = ingest.store.map((rate, slice) => rate / ingest.bare[slice]!)
  const mebibytes = (of: keyof Memory) =>
    memory.map(taken => (taken[of] / MiB).toFixed(0)).join(' → ')
  return [
    '| What | Measured |',
    '|---|---|',
    row([
      'Ingest, chunks a second',
      `${median(ingest.store).toFixed(0)} beside ${median(ingest.bare).toFixed(0)} of the bare client: ` +
        `${median(ratio).toFixed(2)} ×; over all chunks ${ingest.whole.toFixed(0)}`,
    ]),
    row(["Store's own time over its requests'", `${(median(over) * 100).toFixed(1)} %`]),
    row([
      `${QUERIES_A_SECOND} queries a second, p50 / p99 while ${busy.rate.toFixed(0)} chunks a second are written`,
      `${spread(busy.writing)}, at rest ${spread(busy.rest)}`,
    ]),
    row([
      "Process's memory from the first query to the last",
      `heap ${mebibytes('heap')} MiB, resident ${mebibytes('resident')} MiB`,
    ]),
  ]
}

function shardTable({ shards, busy }: KnowledgeFigures): string[] {
  const records = shards.map(shard => shard.records)
  const mean = records.reduce((sum, count) => sum + count, 0) / shards.length
  const others = shards.filter(shard => !shard.largest)
  const beside = shards.find(shard => shard.largest)!
  const cost = (of: (shard: ShardFigures) => number) => of(beside) / median(others.map(of))
  return [
    '| Shard | Records | Index | Store p50 / p99, small creators | Bare p50 |',
    '|---|---|---|---|---|',
    ...shards.map(shard =>
      row([
        `${shard.shard}${shard.largest ? ', with the largest creator' : ''}`,
        `${shard.records}`,
        `${(shard.bytes / MiB).toFixed(1)} MiB`,
        `${ms(shard.store.p50)} / ${ms(shard.store.p99)}`,
        ms(shard.bare.p50),
      ]),
    ),
    '',
    `With the ${busy.chunks} chunks of new creators that were written while queries were asked, the fullest shard has ` +
      `${(Math.max(...records) / mean).toFixed(2)} × the mean. The largest creator's neighbours wait ` +
      `${cost(shard => shard.store.p50).toFixed(2)} × as long as small creators elsewhere, by the bare query ` +
      `${cost(shard => shard.bare.p50).toFixed(2)} ×.`,
  ]
}

const spread = (calls: number[]): string =>
  `${ms(percentile(calls, 0.5))} / ${ms(percentile(calls, 0.99))}`
const ms = (millis: number): string => `${millis.toFixed(1)} ms`
const row = (cells: string[]): string => `| ${cells.join(' | ')} |`
