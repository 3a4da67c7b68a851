import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ChromaClient, type Collection } from 'chromadb'
import { portToPid } from 'pid-port'
import { estimateChroma, vectorBytes } from '../../infra/capacity/chroma-memory.ts'
import { collectionOf, DEFAULT_SHARDS } from '../../infra/shards.ts'
import { KiB, MiB } from '../../infra/units.ts'
import { type RunningChroma, startChroma } from '../support/servers/chroma.ts'
import type { Bench } from './bench.ts'
import { signedError } from './capacity/score.ts'

const FEW = 10_000
const MANY = 300_000
const BATCH = 500
const CHUNKS_PER_CREATOR = 10
const TEXT = 'x'.repeat(500)
/** Of creator, document, chunk and time. */
const METADATA_BYTES = 100

interface Growth {
  dimensions: number
  /** Bytes of the server's own pages: empty, with few and with many vectors. */
  empty: number
  few: number
  many: number
  /** Bytes of the server's folder with many vectors. */
  disk: number
}

/** Memory of the real Chroma as it fills, every shard's index loaded, beside what the plan says. */
export const chromaMemory: Bench = {
  name: 'chroma-memory',
  async run() {
    const figures: Growth[] = []
    for (const dimensions of [384, 768]) figures.push(await grow(dimensions))
    return { markdown: table(figures), figures }
  },
}

async function grow(dimensions: number): Promise<Growth> {
  const chroma = await startChroma()
  try {
    const empty = await ownMemory(chroma)
    const shards = await makeShards(chroma)
    await fill(shards, 0, FEW, dimensions)
    const few = await ownMemory(chroma)
    process.stderr.write(
      `  ${dimensions} dimensions: ${FEW} vectors measured, ${MANY} are being written\n`,
    )
    await fill(shards, FEW, MANY, dimensions)
    const many = await ownMemory(chroma)
    return { dimensions, empty, few, many, disk: await diskOf(chroma) }
  } finally {
    await chroma.stop()
  }
}

function makeShards({ url }: RunningChroma): Promise<Collection[]> {
  const { hostname, port } = new URL(url)
  const client = new ChromaClient({ host: hostname, port: Number(port) })
  const make = (shard: number) =>
    client.createCollection({ name: collectionOf(shard), embeddingFunction: null })
  return Promise.all(Array.from({ length: DEFAULT_SHARDS }, (_, shard) => make(shard)))
}

/** Adds records first … end − 1, a batch to each shard at a time, and asks each once, so that its index is loaded. */
async function fill(
  shards: readonly Collection[],
  first: number,
  end: number,
  dimensions: number,
): Promise<void> {
  const round = shards.length * BATCH
  for (let start = first; start < end; start += round) {
    const batches = shards.map((shard, index) => {
      const from = Math.min(start + index * BATCH, end)
      return addBatch(shard, from, Math.min(from + BATCH, end), dimensions)
    })
    await Promise.all(batches)
  }
  for (const shard of shards) {
    await shard.query({ queryEmbeddings: [randomVector(dimensions)], nResults: 3 })
  }
}

async function addBatch(shard: Collection, from: number, to: number, dimensions: number) {
  const numbers = Array.from({ length: to - from }, (_, at) => from + at)
  if (numbers.length === 0) return
  const creators = numbers.map(number => `creator-${Math.floor(number / CHUNKS_PER_CREATOR)}`)
  await shard.add({
    ids: numbers.map((number, at) => `${creators[at]}-document-1-chunk-${number}`),
    embeddings: numbers.map(() => randomVector(dimensions)),
    documents: numbers.map(() => TEXT),
    metadatas: numbers.map((number, at) => ({
      creator_id: creators[at]!,
      document_id: 'document-1',
      chunk_index: number,
      created_at: '2026-01-01T00:00:00Z',
    })),
  })
}

const randomVector = (dimensions: number): number[] =>
  Array.from({ length: dimensions }, Math.random)

async function ownMemory({ url }: RunningChroma): Promise<number> {
  const pid = await portToPid({ port: Number(new URL(url).port), host: '127.0.0.1' })
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * KiB
}

async function diskOf({ data }: RunningChroma): Promise<number> {
  const files = await readdir(data, { recursive: true, withFileTypes: true })
  const sizes = files
    .filter(file => file.isFile())
    .map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

function table(figures: readonly Growth[]): string {
  const rows = figures.map(({ dimensions, few, many, disk }) => {
    const measured = (many - few) / (MANY - FEW)
    const planned = vectorBytes(dimensions, MANY / DEFAULT_SHARDS)
    const whole = estimateChroma({
      creators: MANY / CHUNKS_PER_CREATOR,
      chunksPerCreator: CHUNKS_PER_CREATOR,
      dimensions,
      metadataBytes: TEXT.length + METADATA_BYTES,
      shards: DEFAULT_SHARDS,
      instances: 1,
    })
    return [
      `${dimensions}`,
      `${Math.round(measured)} B`,
      `${Math.round(planned)} B`,
      percent(signedError(planned, measured)),
      `${Math.round(many / MiB)} MiB`,
      `${Math.round(whole.memory / MiB)} MiB`,
      `${Math.round(disk / MiB)} MiB`,
      `${Math.round(whole.disk / MiB)} MiB`,
    ]
  })
  return [
    '| Dimensions | A vector, measured | planned | off by | Memory at 300,000 | planned limit | Disk at 300,000 | planned |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(row => `| ${row.join(' | ')} |`),
    '',
    `Growth from ${FEW} to ${MANY} vectors in ${DEFAULT_SHARDS} shards.`,
  ].join('\n')
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
