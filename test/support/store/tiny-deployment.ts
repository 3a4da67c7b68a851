import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeployedModel, Outputs } from '../../../infra/outputs.ts'
import { findModel } from '../../../infra/settings/model-catalog.ts'
import { storeTinyModels } from '../models/tiny-models.ts'
import { type RunningChroma, startChroma } from '../servers/chroma.ts'
import { type RunningOllama, startOllama } from '../servers/ollama.ts'
import { outputsOf } from './deployment.ts'

/** Tokens, of each model. */
const CONTEXT = 2048

export interface TinyDeployment {
  chroma: RunningChroma
  ollama: RunningOllama
  outputs: Outputs
  stop(): Promise<void>
}

/**
 * A real Chroma and a real Ollama with models so small that they answer at once, for suites that ask them by the
 * thousand.
 */
export async function startTinyDeployment(
  context = CONTEXT,
  /** Writes more models into their folder. */
  storeMore: (modelsFolder: string) => Promise<unknown> = async () => undefined,
): Promise<TinyDeployment> {
  const modelsFolder = await mkdtemp(join(tmpdir(), 'tiny-models-'))
  await storeTinyModels(modelsFolder)
  await storeMore(modelsFolder)
  const chroma = await startChroma()
  const ollama = await startOllama({
    modelsFolder,
    env: { OLLAMA_CONTEXT_LENGTH: `${context}`, OLLAMA_KEEP_ALIVE: '-1' },
  })
  const outputs = outputsOf({ chroma: [chroma.url], ollama: ollama.url })
  return {
    chroma,
    ollama,
    outputs: {
      ...outputs,
      models: [deployed('nomic-embed-text', context), deployed('gpt-oss:20b', context)],
    },
    async stop() {
      await ollama.stop()
      await chroma.stop()
      await rm(modelsFolder, { recursive: true })
    },
  }
}

function deployed(name: string, contextLength: number): DeployedModel {
  const model = findModel(name)!
  return {
    role: model.role,
    name: model.name,
    serves: model.name,
    pool: 'default',
    contextLength,
    ...(model.role === 'embedding' && { dimensions: model.dimensions, prefixes: model.prefixes }),
  }
}
