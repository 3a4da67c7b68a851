import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Estimate, estimateModel } from '../../infra/capacity/model/estimate.ts'
import type { KvCacheType } from '../../infra/settings/settings-schema.ts'
import { MiB } from '../../infra/units.ts'
import { readGguf } from '../../provision/models/gguf-file.ts'
import { runCommand } from '../../provision/toolchain/run-command.ts'
import { toolOfLlamaCpp } from '../support/toolchain/llama-cpp.ts'
import type { Bench } from './bench.ts'
import { scoreOf, scoreTable, signedError } from './capacity/score.ts'
import { writeHeadOnly } from './dry-run/head-only.ts'
import { REAL_SHAPES, type RealShape } from './dry-run/real-shapes.ts'

/** Of Ollama from 0.30 on: which one makes no difference to what is compared. */
const OLLAMA = '0.32.15'
const CONTEXTS = [2048, 8192, 32_768]
const PARALLEL = [1, 4]
const KV_CACHES: KvCacheType[] = ['f16', 'q8_0']

/** In MiB, as llama.cpp prints them: it rounds down. */
interface Buffers {
  weights: number
  kv: number
  compute: number
}

interface Result {
  model: string
  context: number
  parallel: number
  kvCache: KvCacheType
  planned: Buffers
  /** Absent where llama.cpp itself gives up. */
  told?: Buffers
}

/**
 * The plan's own replay beside llama.cpp's dry run, which loads a model without allocating: over real architectures at
 * their real sizes, from the heads of their files alone.
 */
export const dryRun: Bench = {
  name: 'dry-run',
  async run() {
    const tool = await toolOfLlamaCpp('llama-fit-params')
    const folder = await mkdtemp(join(tmpdir(), 'dry-run-'))
    try {
      const results: Result[] = []
      for (const shape of REAL_SHAPES) {
        process.stderr.write(`  ${shape.name}\n`)
        results.push(...(await compare(shape, folder, tool)))
      }
      return { markdown: tableOf(results), figures: results }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

async function compare(shape: RealShape, folder: string, tool: string): Promise<Result[]> {
  const path = join(folder, 'model.gguf')
  await writeHeadOnly(path, shape)
  const architecture = await readGguf(path)
  const results: Result[] = []
  for (const { context, parallel, kvCache } of settingsOf(shape)) {
    const estimate = estimateModel(architecture, {
      ollama: OLLAMA,
      contextLength: context,
      parallel,
      kvCache,
      gpuLayers: 0,
      // The dry run counts a row of output for every token, where the server asks for one each request.
      allRows: true,
    })
    const told = await ask(tool, path, estimate)
    results.push({
      model: shape.name,
      context,
      parallel,
      kvCache,
      planned: buffersOf(estimate),
      ...(told && { told }),
    })
  }
  return results
}

function settingsOf({ trained, pooling }: RealShape) {
  const contexts = [...new Set(CONTEXTS.map(context => Math.min(context, trained)))]
  const chat = contexts.flatMap(context =>
    PARALLEL.flatMap(parallel => KV_CACHES.map(kvCache => ({ context, parallel, kvCache }))),
  )
  return pooling === undefined
    ? chat
    : contexts.map(context => ({ context, parallel: 1, kvCache: 'f16' as const }))
}

function buffersOf({ parts }: Estimate): Buffers {
  const of = (part: string) => parts.find(({ name }) => name === part)!.reserved.host / MiB
  return { weights: of('weights'), kv: of('kv'), compute: of('compute') }
}

async function ask(tool: string, path: string, { engine }: Estimate): Promise<Buffers | undefined> {
  const { contextLength, parallel, batch, kvCache } = engine
  const flags = {
    '-m': path,
    '-c': contextLength * parallel,
    '-np': parallel,
    '-b': batch,
    '-ub': batch,
    '-ctk': kvCache,
    '-ctv': kvCache,
    '-fitp': 'on',
  }
  const argv = [tool, '-nr', ...Object.entries(flags).flat().map(String)]
  const told = await runCommand(argv, {
    env: process.env,
    signal: AbortSignal.timeout(60_000),
  }).catch(() => '')
  const [, weights, kv, compute] = /^Host (\d+) (\d+) (\d+)\s*$/m.exec(told) ?? []
  if (weights === undefined) return undefined
  return { weights: Number(weights), kv: Number(kv), compute: Number(compute) }
}

const sum = ({ weights, kv, compute }: Buffers): number => weights + kv + compute

function tableOf(all: readonly Result[]): string {
  const results = all.flatMap(({ told, ...result }) => (told ? [{ ...result, told }] : []))
  const errors = (of: (buffers: Buffers) => number) =>
    scoreOf(
      results
        // What is printed in whole MiB tells nothing of a few of them.
        .filter(({ told }) => of(told) >= 20)
        .map(({ planned, told }) => signedError(of(planned), of(told) + 0.5)),
    )
  const rows = [
    ['all buffers', errors(sum)],
    ['weights', errors(({ weights }) => weights)],
    ['KV cache', errors(({ kv }) => kv)],
    ['compute buffer', errors(({ compute }) => compute)],
  ] as const
  const models = new Set(results.map(({ model }) => model)).size
  const unanswered = [
    ...new Set(all.filter(({ told }) => told === undefined).map(({ model }) => model)),
  ]
  return [
    `${results.length} cells of ${models} real architectures at their real sizes, on the CPU, as Ollama ${OLLAMA} starts them; ` +
      "errors against what llama.cpp's own dry run tells, in the build of llama-cpp-python 0.3.36.",
    '',
    ...scoreTable(rows),
    '',
    `llama.cpp itself gives up in ${all.length - results.length} further cells${
      unanswered.length === 0 ? '' : ` (${unanswered.join(', ')})`
    }.`,
  ].join('\n')
}
