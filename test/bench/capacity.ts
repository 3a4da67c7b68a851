import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Estimate, estimateModel } from '../../infra/capacity/model/estimate.ts'
import { generationOf } from '../../infra/settings/ollama-version.ts'
import { readGguf } from '../../provision/models/gguf-file.ts'
import { startOllama } from '../support/servers/ollama.ts'
import { realTools } from '../support/toolchain/toolchain.ts'
import type { Bench } from './bench.ts'
import { type Cell, gridOf } from './capacity/cells.ts'
import { ggufParser } from './capacity/gguf-parser.ts'
import { type BenchModel, storeGemma3, storeReal, storeShapes } from './capacity/models.ts'
import { observe } from './capacity/observe.ts'
import { errorsOf, type Result, tableOf } from './capacity/table.ts'
import { measureOnCard } from './card/on-card.ts'

/**
 * The planner, gguf-parser and Ollama's own figure beside what the real Ollama reserved and had resident, over
 * a grid of models, contexts, parallel requests and cache types; with `--gpu` the planner beside what llama-server takes
 * of this machine's NVIDIA card.
 */
export const capacity: Bench = {
  name: 'capacity',
  async run(flags) {
    if (flags.includes('--gpu')) return measureOnCard()
    const folder = await mkdtemp(join(tmpdir(), 'capacity-'))
    try {
      const { version } = (await realTools()).ollama
      const results = await measure(folder, version)
      return {
        section: generationOf(version) === 'spawning' ? 'capacity-spawning' : 'capacity',
        markdown: tableOf(results, version),
        figures: results.map(figuresOf),
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

async function measure(folder: string, version: string): Promise<Result[]> {
  // A conversion of gpt-oss that llama.cpp does not know.
  const isKnown = ({ name }: BenchModel) =>
    generationOf(version) === 'allocating' || name !== 'scaled-gpt-oss-fused'
  const scaled = (await storeShapes(folder)).filter(isKnown)
  const ollama = await startOllama({ modelsFolder: folder })
  const real = await storeReal(ollama).finally(() => ollama.stop())
  const cells = gridOf([...real, await storeGemma3(folder), ...scaled])
  const parser = await ggufParser(cells)
  const results: Result[] = []
  const waiting = cells.entries()
  // Each Ollama computes on one core; entries() hands every cell to one of the workers.
  const work = async () => {
    for (const [index, cell] of waiting) {
      process.stderr.write(`  ${index + 1}/${cells.length} ${labelOf(cell)}\n`)
      const observed = await observe(folder, cell, version)
      const others = { ggufParser: parser[index], ollama: observed.api }
      results[index] = { cell, observed, estimate: await estimateOf(cell, version), others }
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return results
}

const estimateOf = async (
  { model, context, parallel, kvCache }: Cell,
  ollama: string,
): Promise<Estimate> =>
  estimateModel(await readGguf(model.path), {
    ollama,
    contextLength: context,
    parallel,
    kvCache,
    gpuLayers: 0,
  })

const labelOf = ({ model, context, parallel, kvCache }: Cell): string =>
  `${model.name} ${parallel} × ${context} ${kvCache}`

function figuresOf(result: Result): object {
  const { model, ...settings } = result.cell
  const { estimate, observed } = result
  return {
    model: model.name,
    ...settings,
    observed,
    parts: estimate.parts,
    errors: errorsOf(result),
  }
}
