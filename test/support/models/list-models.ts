import type { ModelResponse, Ollama } from 'ollama'

/** What Ollama has, by name: it lists models of the same second in any order. */
export async function listModels(ollama: Ollama): Promise<ModelResponse[]> {
  const { models } = await ollama.list()
  return models.toSorted((one, other) => one.name.localeCompare(other.name))
}
