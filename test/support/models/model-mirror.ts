import { serveMirror } from '../../../provision/models/model-mirror.ts'
import { startOllamaWithModels } from './models.ts'

/**
 * The two small real models in a registry of the tests' own.
 * @param host the address it listens on: of loopback, or one that a cluster's pods reach
 * @returns its address as the setting `modelMirror` wants it
 */
export async function startModelMirror(host: string) {
  const ollama = await startOllamaWithModels()
  const mirror = await serveMirror(ollama.modelsFolder, { port: 0, host })
  return {
    address: `${mirror.url}/library`,
    async stop() {
      await mirror.close()
      await ollama.stop()
    },
  }
}
