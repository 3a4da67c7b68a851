import { plannedEnvironment } from '../capacity/model/planned-environment.ts'
import { generationOf } from '../settings/ollama-version.ts'
import type { Settings } from '../settings/parse-settings.ts'

/**
 * The environment that every target starts an Ollama with: the plan's, and the settings'.
 * @param server loopback port, model folder, and how many models it has to hold in memory at once
 */
export function ollamaEnvironment(
  settings: Settings,
  server: { port: number; modelsFolder: string; models: number },
): Record<string, string> {
  const { version, parallel, kvCacheType, keepAlive } = settings.ollama
  const chat = settings.models.find(({ definition }) => definition.role === 'chat')
  return {
    OLLAMA_HOST: `127.0.0.1:${server.port}`,
    OLLAMA_MODELS: server.modelsFolder,
    ...plannedEnvironment({
      generation: generationOf(version),
      contextLength: chat!.contextLength,
      parallel,
      kvCache: kvCacheType,
    }),
    OLLAMA_KEEP_ALIVE: keepAlive,
    OLLAMA_MAX_LOADED_MODELS: `${server.models}`,
    // Pruning at the start would delete a partial pull.
    OLLAMA_NOPRUNE: '1',
    OLLAMA_NO_CLOUD: '1',
  }
}
