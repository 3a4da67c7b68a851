import { openDeployment } from '../../checks/connected-deployment.ts'
import { DEFAULT_SHARDS } from '../../infra/shards.ts'
import { startChroma } from '../support/servers/chroma.ts'
import { outputsOf } from '../support/store/deployment.ts'
import type { Bench } from './bench.ts'
import { Bare } from './knowledge/bare.ts'
import { busy } from './knowledge/busy.ts'
import { ingest } from './knowledge/ingest.ts'
import { memoryWatch } from './knowledge/memory.ts'
import { overhead } from './knowledge/overhead.ts'
import { Population } from './knowledge/population.ts'
import { askBare, compare, freshStore, recalls } from './knowledge/queries.ts'
import { shardFigures } from './knowledge/shards.ts'
import { type KnowledgeFigures, knowledgeTables } from './knowledge/tables.ts'
import { wholeNumber } from './whole-number.ts'

const CREATORS = 100_000
const CHUNKS = 300_000
const CONNECTIONS = 10

/**
 * The tenant store with creators of Zipf-shaped sizes, beside the bare `chromadb` client on the same server and the
 * same data. Needs no model: the vectors are made.
 * `--creators N` and `--chunks N` say how many.
 */
export const knowledge: Bench = {
  name: 'knowledge',
  async run(flags) {
    const population = new Population(
      wholeNumber(flags, '--creators', CREATORS),
      wholeNumber(flags, '--chunks', CHUNKS),
    )
    const chroma = await startChroma()
    const beside = await startChroma()
    const outputs = outputsOf({ chroma: [chroma.url], shards: DEFAULT_SHARDS })
    outputs.chroma.maxConnections = CONNECTIONS
    const deployment = await openDeployment(outputs)
    try {
      const store = deployment.knowledge()
      const filled = await Bare.make(beside.url, DEFAULT_SHARDS, population)
      const ingested = await ingest(store, population, filled, report)
      await beside.stop()
      const fresh = () => freshStore(deployment, population)
      // What it keeps of the shards counts as memory from the beginning on.
      const lasting = await fresh()
      const memory = memoryWatch()
      report('queries while chunks are being written')
      const written = await busy(store, population, fresh)
      memory.take()
      const bare = await Bare.open(chroma.url, DEFAULT_SHARDS, population)
      const ways = { store: lasting, bare: askBare(bare, population) }
      report('queries, one after another and eight at a time')
      const compared = await compare(population, fresh, ways.bare)
      memory.take()
      report('recall against brute force')
      const recall = await recalls(population, ways.store, ways.bare)
      memory.take()
      report('overhead')
      const over = await overhead(deployment, population)
      report('shards')
      const shards = await shardFigures(store, population, ways, chroma.data)
      memory.take()
      const figures: KnowledgeFigures = {
        creators: population.sizes.length,
        chunks: population.sizes.reduce((sum, size) => sum + size, 0),
        largest: population.sizes[0]!,
        ingest: ingested,
        queries: compared,
        recall,
        overhead: over,
        shards,
        busy: written,
        memory: memory.taken,
      }
      return { markdown: knowledgeTables(figures), figures }
    } finally {
      await deployment.close()
      await beside.stop()
      await chroma.stop()
    }
  },
}

function report(message: string): void {
  process.stderr.write(`${message}\n`)
}
