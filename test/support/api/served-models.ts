import { startOllamaWithModels } from '../models/models.ts'
import { type RunningChroma, startChroma } from '../servers/chroma.ts'
import type { RunningOllama } from '../servers/ollama.ts'
import { outputsOf } from '../store/deployment.ts'
import { TestApi } from './api.ts'

/** The API in front of a real Chroma and a real Ollama that holds the two small real models. */
export interface ServedModels {
  chroma: RunningChroma
  ollama: RunningOllama
  api: TestApi
  /** A token that acts for all creators. */
  service: string
  stop(): Promise<void>
}

export async function serveModels(): Promise<ServedModels> {
  const chroma = await startChroma()
  const ollama = await startOllamaWithModels()
  const api = await TestApi.start(outputsOf({ chroma: [chroma.url], ollama: ollama.url }))
  return {
    chroma,
    ollama,
    api,
    service: await api.serviceToken(),
    async stop() {
      await api.stop()
      await ollama.stop()
      await chroma.stop()
    },
  }
}
