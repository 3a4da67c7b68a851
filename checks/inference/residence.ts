import { setTimeout as sleep } from 'node:timers/promises'
import type { DeployedModel } from '../../infra/outputs.ts'
import { type Millis, minutes, seconds } from '../../infra/units.ts'
import { ServerError } from '../transport/server-error.ts'
import type { OllamaServer, RunningModel } from './ollama-server.ts'

const LOAD_DEADLINE: Millis = minutes(10)
const UNLOAD_DEADLINE: Millis = seconds(30)
const POLL: Millis = 100

/** Loads a model as a request would: with the server's own settings for how long it stays. */
export async function load(
  server: OllamaServer,
  model: DeployedModel,
  signal?: AbortSignal,
): Promise<void> {
  const call = { deadline: LOAD_DEADLINE, repeatable: true, signal }
  await server.call<unknown>(call, client =>
    // Both load and do nothing else: no text, no answer.
    model.role === 'embedding'
      ? client.embed({ model: model.serves, input: [] })
      : client.generate({ model: model.serves, prompt: '' }),
  )
}

/**
 * How the copy of a model's weights that is in memory differs from the one planned; undefined when it does not, and
 * when there is none. Ollama keeps one copy: a request that wants another context than the copy has, under this name
 * or under the one that this was derived from, makes it load anew. One that wants the same keeps the copy under the
 * name it has (seen with 0.17.4).
 */
export function loadedOtherwise(
  model: DeployedModel,
  running: readonly RunningModel[],
): string | undefined {
  if (model.serves === model.name) return undefined
  if (running.some(({ name }) => name === model.name)) {
    return `it is loaded under the name ${model.name}`
  }
  const context = running.find(({ name }) => name === model.serves)?.contextLength
  if (context === undefined || model.contextLength === undefined) return undefined
  if (context === model.contextLength) return undefined
  return `it is loaded with a context of ${context} tokens, and was planned with ${model.contextLength}`
}

/**
 * Takes a model out of memory, under whichever of its names it is there, and waits until it is gone; requests under
 * way are answered first.
 */
export async function unload(
  server: OllamaServer,
  model: Pick<DeployedModel, 'serves' | 'name'>,
  signal?: AbortSignal,
): Promise<void> {
  const call = { deadline: UNLOAD_DEADLINE, repeatable: true, signal }
  await server.call(call, client =>
    client.generate({ model: model.serves, prompt: '', keep_alive: 0 }),
  )
  const deadline = Date.now() + UNLOAD_DEADLINE
  const names = [model.serves, model.name]
  while ((await server.running(signal)).some(({ name }) => names.includes(name))) {
    if (Date.now() > deadline) {
      throw new ServerError(
        'late',
        `${model.serves} is still in memory on ${server.connection.label}`,
      )
    }
    await sleep(POLL, undefined, { signal })
  }
}
