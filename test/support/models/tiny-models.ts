import { storeModel } from '../store/test-store.ts'
import { HARMONY_TEMPLATE, tinyGptOss } from './tiny-gpt-oss.ts'
import { tinyNomicBert } from './tiny-nomic-bert.ts'

/**
 * Writes an Ollama model folder with nomic-embed-text:latest and gpt-oss:20b in it: real architectures with random
 * weights, some MB. Ollama pulls, loads and asks them as it does the real ones; what they say is gibberish.
 */
export async function storeTinyModels(folder: string): Promise<void> {
  await storeModel(folder, 'nomic-embed-text:latest', {
    gguf: tinyNomicBert(),
    family: 'nomic-bert',
    parameters: ONE_THREAD,
  })
  await storeModel(folder, 'gpt-oss:20b', {
    gguf: tinyGptOss(),
    family: 'gptoss',
    template: HARMONY_TEMPLATE,
    parameters: ONE_THREAD,
  })
}

/** With so little to compute, threads spend their time waiting for each other. */
const ONE_THREAD = { num_thread: 1 }
