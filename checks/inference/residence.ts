import { setTimeout as sleep } from 'node:timers/promises'
import type { DeployedModel } from '../../infra/outputs.ts'
import { type Millis, minutes, seconds } from '../../infra/units.ts'
import { ServerError } from '../transport/server-error.ts'
import type { OllamaServer } from './ollama.ts'

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

/** Takes a model out of memory and waits until it is gone; requests under way are answered first. */
export async function unload(
  server: OllamaServer,
  model: DeployedModel,
  signal?: AbortSignal,
): Promise<void> {
  const call = { deadline: UNLOAD_DEADLINE, repeatable: true, signal }
  await server.call(call, client =>
    client.generate({ model: model.serves, prompt: '', keep_alive: 0 }),
  )
  const deadline = Date.now() + UNLOAD_DEADLINE
  while ((await server.running(signal)).some(({ name }) => name === model.serves)) {
    if (Date.now() > deadline) {
      throw new ServerError(
        'late',
        `${model.serves} is still in memory on ${server.connection.label}`,
      )
    }
    await sleep(POLL, undefined, { signal })
  }
}
