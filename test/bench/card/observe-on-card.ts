import { Agent, fetch } from 'undici'
import { plannedEnvironment } from '../../../infra/capacity/model/planned-environment.ts'
import type { OllamaEngine } from '../../../infra/capacity/model/runtime.ts'
import { freePort } from '../../support/servers/ports.ts'
import { startServer } from '../../support/servers/server.ts'
import { type Reserved, readLlamaCpp } from '../capacity/engine-log.ts'
import { type Card, watchCard } from './card.ts'

/** What llama-server did on a card, in bytes. */
export interface OnCard {
  reserved: Reserved
  /** The most of the card that was used, beside what was used before. */
  used: number
}

/** llama.cpp's name of the first card. */
const DEVICE = 'CUDA0'
/** Room for the answer in the context. */
const HEADROOM = 16
/** Reading the largest takes minutes, and so may computing its context. */
const DEADLINE_MS = 5 * 60_000
const PATIENT = new Agent({ headersTimeout: DEADLINE_MS, bodyTimeout: DEADLINE_MS })
/** A letter of the made-up tokenizers. */
const TOKEN = 10

/**
 * Starts llama-server as Ollama from 0.30 on does, with all of a model on the card, and fills the context of every
 * request.
 * @param path of the model
 * @param embeds whether it is asked for embeddings
 */
export async function observeOnCard(
  command: string,
  path: string,
  engine: OllamaEngine,
  embeds: boolean,
  card: Card,
): Promise<OnCard> {
  const watch = await watchCard(card)
  let log = ''
  try {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const server = await startServer({
      command,
      args: argumentsOf(path, engine, embeds, port),
      env: {
        ...process.env,
        CUDA_VISIBLE_DEVICES: card.uuid,
        ...plannedEnvironment({ ...engine }),
      },
      readyUrl: `${url}/health`,
      startsWithin: DEADLINE_MS,
      onLog: text => {
        log += text
      },
    })
    try {
      const tokens = engine.contextLength - HEADROOM
      const prompt = Array.from({ length: tokens }, () => TOKEN)
      const ask = () =>
        embeds
          ? post(`${url}/v1/embeddings`, { input: prompt })
          : post(`${url}/completion`, { prompt, n_predict: 1, cache_prompt: false })
      await Promise.all(Array.from({ length: engine.parallel }, ask))
      return { reserved: readLlamaCpp(log, DEVICE), used: watch.most() }
    } finally {
      await server.end()
    }
  } finally {
    watch.stop()
  }
}

function argumentsOf(
  path: string,
  { contextLength, parallel, batch, kvCache, flashAttention }: OllamaEngine,
  embeds: boolean,
  port: number,
): string[] {
  const flags = {
    '--model': path,
    '--host': '127.0.0.1',
    '--port': port,
    '--ctx-size': contextLength * parallel,
    '--parallel': parallel,
    '--batch-size': batch,
    '--ubatch-size': batch,
    '--n-gpu-layers': 999,
    '--flash-attn': flashAttention ? 'on' : 'off',
    '--cache-type-k': kvCache,
    '--cache-type-v': kvCache,
    // Levels up to the engine's own: its buffers are among them.
    '--log-verbosity': 4,
  }
  return [
    ...Object.entries(flags).flat().map(String),
    '--no-warmup',
    ...(embeds ? ['--embedding'] : []),
  ]
}

async function post(url: string, body: object): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
    dispatcher: PATIENT,
  })
  const said = await answer.text()
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${said.slice(0, 500)}`)
}
