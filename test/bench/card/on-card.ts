import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Estimate, estimateModel } from '../../../infra/capacity/model/estimate.ts'
import type { KvCacheType } from '../../../infra/settings/settings-schema.ts'
import { type Bytes, MiB } from '../../../infra/units.ts'
import { readGguf } from '../../../provision/models/gguf-file.ts'
import { llamaServerWithCuda } from '../../support/toolchain/llama-cpp.ts'
import type { Measured } from '../bench.ts'
import { percent, type Score, scoreOf, scoreTable, signedError } from '../capacity/score.ts'
import { tokenizer } from '../capacity/shapes.ts'
import { writeHeadOnly } from '../dry-run/head-only.ts'
import { REAL_SHAPES, type RealShape } from '../dry-run/real-shapes.ts'
import { type Card, cardAtHand } from './card.ts'
import { type OnCard, observeOnCard } from './observe-on-card.ts'

/** Of Ollama from 0.30 on: which one makes no difference to what is compared. */
const OLLAMA = '0.32.15'

/** From small to large, families and embedding models among them. */
const MODELS = new Set([
  'smollm2:135m',
  'llama3.2:3b',
  'llama3.1:8b',
  'qwen3:8b',
  'qwen3:30b-a3b',
  'deepseek-r1:32b',
  'gemma3:4b',
  'gemma3:27b',
  'gpt-oss:20b',
  'gpt-oss:120b',
  'llama3.3:70b',
  'nomic-embed-text',
  'bge-m3',
])

const SETTINGS: [context: number, parallel: number, kvCache: KvCacheType][] = [
  [2048, 1, 'f16'],
  [8192, 4, 'q8_0'],
  [16_384, 1, 'f16'],
]

interface Cell {
  model: string
  context: number
  parallel: number
  kvCache: KvCacheType
  estimate: Estimate
  observed: OnCard
}

/**
 * The plan beside what llama-server takes of a card: real architectures at their real sizes, with weights of zeros, all
 * on the card, as far as the plan says that they fit it.
 * @throws Failure `unavailable` where there is no card, or no CUDA to build for it
 */
export async function measureOnCard(): Promise<Measured> {
  const card = await cardAtHand()
  const report = (text: string) => process.stderr.write(`  ${text}\n`)
  const server = await llamaServerWithCuda(card.architecture, report)
  const folder = await mkdtemp(join(tmpdir(), 'on-card-'))
  try {
    const cells: Cell[] = []
    for (const shape of REAL_SHAPES.filter(({ name }) => MODELS.has(name))) {
      cells.push(...(await cellsOf(shape, join(folder, 'model.gguf'), server, card, report)))
    }
    return {
      section: 'capacity-gpu',
      markdown: tableOf(cells, card),
      figures: cells.map(({ estimate, ...cell }) => ({ ...cell, parts: estimate.parts })),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function cellsOf(
  shape: RealShape,
  path: string,
  server: string,
  card: Card,
  report: (text: string) => void,
): Promise<Cell[]> {
  const embeds = shape.pooling !== undefined
  await writeHeadOnly(path, shape, tokenizer({ ...shape, merges: 0 }))
  const architecture = await readGguf(path)
  const cells: Cell[] = []
  for (const [wanted, parallel, kvCache] of embeds ? SETTINGS.slice(0, 1) : SETTINGS) {
    const estimate = estimateModel(architecture, {
      ollama: OLLAMA,
      contextLength: wanted,
      parallel,
      kvCache,
      gpuLayers: 'all',
    })
    const { contextLength: context } = estimate.engine
    const label = `${shape.name} ${parallel} × ${context} ${kvCache}`
    if (limitOf(estimate) > card.memory) {
      report(`${label}: planned not to fit ${card.product}`)
      continue
    }
    report(label)
    const observed = await observeOnCard(server, path, estimate.engine, embeds, card)
    cells.push({ model: shape.name, context, parallel, kvCache, estimate, observed })
  }
  return cells
}

const limitOf = ({ reserved, margin }: Estimate): Bytes => reserved.gpu + margin.gpu

/** The engine's own buffers on a card. */
const BUFFERS = ['weights', 'kv', 'compute'] as const

function tableOf(cells: readonly Cell[], { product, driver }: Card): string {
  const planned = ({ estimate }: Cell, name: (typeof BUFFERS)[number]) =>
    estimate.parts.find(part => part.name === name)!.reserved.gpu
  const score = (told: (cell: Cell) => [planned: number, observed: number]) =>
    scoreOf(
      cells
        .map(told)
        .filter(([, observed]) => observed > 0)
        .map(([mine, observed]) => signedError(mine, observed)),
    )
  const scores: [string, Score][] = [
    ...BUFFERS.map(name => {
      const told = (cell: Cell): [number, number] => [
        planned(cell, name),
        cell.observed.reserved[name],
      ]
      return [`${name}, by the engine's log`, score(told)] as [string, Score]
    }),
    [
      'all that is used, by NVML',
      score(({ estimate, observed }) => [estimate.reserved.gpu, observed.used]),
    ],
  ]
  const limits = cells.map(({ estimate, observed }) =>
    signedError(limitOf(estimate), observed.used),
  )
  const over = limits.filter(error => error < 0).length
  return [
    `${product}, driver ${driver}: ${cells.length} cells of ${new Set(cells.map(({ model }) => model)).size} real architectures at their real sizes, all on the card, every context filled; llama-server of llama-cpp-python 0.3.36, started as Ollama ${OLLAMA} does.`,
    '',
    ...scoreTable(scores),
    '',
    `${over} cells took more of the card than the plan's limit; the tightest had ${percent(Math.min(...limits))} to spare. The largest took ${Math.round(Math.max(...cells.map(({ observed }) => observed.used)) / MiB)} MiB.`,
  ].join('\n')
}
