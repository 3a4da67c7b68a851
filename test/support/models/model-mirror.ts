import { serveMirror } from '../../../provision/models/model-mirror.ts'
import { storeModel } from '../store/test-store.ts'
import { startOllamaWithModels } from './models.ts'
import { tinyNomicBert } from './tiny-nomic-bert.ts'

/** An embedding model of random weights, with vectors as long as those of the small real one. */
export const TEAM_MODEL = { name: 'team-embed', gguf: () => tinyNomicBert({ width: 384 }) }

/**
 * The two small real models and TEAM_MODEL in a registry of the tests' own.
 * @param host the address it listens on: of loopback, or one that a cluster's pods reach
 * @returns its address as the setting `modelMirror` wants it
 */
export async function startModelMirror(host: string) {
  const ollama = await startOllamaWithModels()
  const { name, gguf } = TEAM_MODEL
  await storeModel(ollama.modelsFolder, `${name}:latest`, { gguf: gguf(), family: 'nomic-bert' })
  const mirror = await serveMirror(ollama.modelsFolder, { port: 0, host })
  return {
    address: `${mirror.url}/library`,
    async stop() {
      await mirror.close()
      await ollama.stop()
    },
  }
}
