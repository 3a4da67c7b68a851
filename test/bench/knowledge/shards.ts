import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { collectionOf } from '../../../infra/shards.ts'
import { percentile, timed } from './callers.ts'
import { type Population, randomFrom } from './population.ts'
import { type Ask, questions } from './queries.ts'

const QUERIES = 40
const SMALL = { least: 1, most: 20 }

export interface ShardFigures {
  shard: number
  records: number
  /** Of its vector index, on disk. */
  bytes: number
  /** Milliseconds of small creators' queries. */
  store: { p50: number; p99: number }
  bare: { p50: number }
  /** Whether the creator with the most chunks lives here. */
  largest: boolean
}

/** @param data folder of the Chroma server that holds all shards */
export async function shardFigures(
  knowledge: Knowledge,
  population: Population,
  ways: { store: Ask; bare: Ask },
  data: string,
): Promise<ShardFigures[]> {
  const { shards } = await knowledge.statistics()
  const shardOf = (creator: number) => knowledge.creator(population.id(creator)).shard
  const asked = questions(population, SMALL, QUERIES * shards.length * 2, randomFrom(6))
  const figures: ShardFigures[] = []
  for (const { shard, records } of shards) {
    const own = asked.filter(({ creator }) => shardOf(creator) === shard).slice(0, QUERIES)
    const run = async (ask: Ask) =>
      (await timed(own.length, 1, number => ask(own[number]!.creator, own[number]!.vector))).calls
    const [store, bare] = [await run(ways.store), await run(ways.bare)]
    figures.push({
      shard,
      records,
      bytes: await indexBytes(data, shard),
      store: { p50: percentile(store, 0.5), p99: percentile(store, 0.99) },
      bare: { p50: percentile(bare, 0.5) },
      largest: shardOf(0) === shard,
    })
  }
  return figures
}

/** Chroma keeps the index of a collection in a folder that is named by its segment. */
async function indexBytes(data: string, shard: number): Promise<number> {
  const database = new DatabaseSync(join(data, 'chroma.sqlite3'), { readOnly: true })
  const row = database
    .prepare(
      `SELECT segments.id FROM segments JOIN collections ON collections.id = segments.collection
       WHERE segments.scope = 'VECTOR' AND collections.name = ?`,
    )
    .get(collectionOf(shard))
  database.close()
  const folder = join(data, String(row?.id))
  const files = await readdir(folder)
  const sizes = await Promise.all(files.map(async file => (await stat(join(folder, file))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
