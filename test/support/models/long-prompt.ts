import type { Ollama } from 'ollama'

/** The model that is asked, as the stack serves it. */
const MODEL = 'smollm2:135m-ctx4096'

/** Sentences that begin with a number, so that no two texts of other numbers begin alike. */
export const factsFrom = (number: number, count: number): string =>
  Array.from({ length: count }, (_, index) => number * 1000 + index)
    .map(n => `Fact ${n}: the lighthouse of bay ${n * 7919} has ${n} steps. `)
    .join('')

/** Asks for little by a prompt of more than 2000 tokens, another for each number. @returns the tokens of the prompt */
export async function askLongPrompt(ollama: Ollama, number: number): Promise<number> {
  const { prompt_eval_count } = await ollama.generate({
    model: MODEL,
    prompt: factsFrom(number, 120),
    raw: true,
    options: { num_predict: 4 },
  })
  return prompt_eval_count
}
