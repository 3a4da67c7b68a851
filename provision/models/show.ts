import { z } from 'zod'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { ask, type OllamaStore } from './provisioning-client.ts'

/** What /api/show says of a model, as far as it is used here. */
const Shown = z.object({
  /** Names the file of the weights in a line that starts with FROM. */
  modelfile: z.string(),
  template: z.string().default(''),
  system: z.string().default(''),
  /** One option a line: name, blanks, value. */
  parameters: z.string().default(''),
  model_info: z.record(z.string(), z.unknown()),
})
export type Shown = z.infer<typeof Shown>

/** @throws Failure `unavailable` when the server does not answer, or has no such model that it can read */
export async function show(
  model: string,
  server: OllamaStore,
  signal: AbortSignal,
): Promise<Shown> {
  try {
    return Shown.parse(await ask(server, signal, ollama => ollama.show({ model })))
  } catch (error) {
    if (error instanceof Failure) throw error
    signal.throwIfAborted()
    const reason = reasonOf(error)
    throw new Failure('unavailable', `Ollama at ${server.url} cannot show ${model}: ${reason}`, {
      cause: error,
    })
  }
}

/** Digests of the weights: `sha256:<hex>`. */
export function weightsOf({ modelfile }: Shown): string[] {
  return [...modelfile.matchAll(/^FROM .*sha256-([0-9a-f]{64})$/gm)].map(
    ([, hex]) => `sha256:${hex}`,
  )
}

/** The options set in a model, each as `name value`, sorted. */
export function parametersOf({ parameters }: Shown): string[] {
  return parameters
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.replace(/\s+/, ' '))
    .sort()
}
