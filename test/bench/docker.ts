import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, fetch } from 'undici'
import { modelArgs } from '../../infra/servers/model-args.ts'
import { servedName } from '../../infra/settings/model-definition.ts'
import { parseSettings, type Settings } from '../../infra/settings/parse-settings.ts'
import { type Bytes, formatBytes, MiB } from '../../infra/units.ts'
import { provisionFromArgs } from '../../provision/models/provision-model.ts'
import { planOn } from '../../provision/plan/deploy-decision.ts'
import { type RunningEngine, startEngine } from '../support/docker/engine.ts'
import { provideImages } from '../support/docker/images.ts'
import { freePort } from '../support/servers/ports.ts'
import { machineOf } from '../support/stack/demand.ts'
import type { Bench } from './bench.ts'
import { HeldOllama } from './docker/held-ollama.ts'

const CELLS = [
  { contextLength: 2048, parallel: 1 },
  { contextLength: 4096, parallel: 1 },
  { contextLength: 4096, parallel: 2 },
]
const VOLUME = 'bench-models'
/** What is taken off the measured peak, to see that the limit is real. */
const LESS = 0.25
/** Tokens of the context that the prompt leaves to the answer. */
const HEADROOM = 64
/** An answer begins when the whole prompt was computed. */
const PATIENT = new Agent({ headersTimeout: 0, bodyTimeout: 0 })

interface Held {
  contextLength: number
  parallel: number
  /** Bytes: of the plan, and the most that was really touched without a limit. */
  limit: Bytes
  peak: Bytes
  /** Processes killed for memory at the plan's limit, and at a quarter less than the peak. */
  killsAtLimit: number
  killsBelow: number
}

/** Whether the memory limits that the plan gives containers hold the models, and are no larger than they need be. */
export const docker: Bench = {
  name: 'docker',
  async run() {
    const home = await mkdtemp(join(tmpdir(), 'bench-docker-'))
    const engine = await startEngine()
    try {
      await provideImages(engine.docker)
      await engine.docker.createVolume({ Name: VOLUME })
      const figures: Held[] = []
      for (const cell of CELLS) figures.push(await hold(cell, home, engine))
      return { markdown: table(figures), figures }
    } finally {
      await engine.stop()
      await rm(home, { recursive: true })
    }
  },
}

async function hold(cell: (typeof CELLS)[number], home: string, engine: RunningEngine) {
  const settings = parseSettings('bench', {
    home,
    ollamaPort: await freePort(),
    embeddingModel: 'all-minilm',
    chatModel: 'smollm2:135m',
    ...cell,
  })
  const limit = await plannedLimit(settings)
  const run = async (bytes: Bytes) => {
    const ollama = await HeldOllama.start(engine.docker, settings, VOLUME, bytes)
    try {
      await bringModels(settings)
      const answered = await fillAll(settings).then(
        () => true,
        () => false,
      )
      return { answered, peak: await ollama.peak(), kills: await ollama.oomKills() }
    } finally {
      await ollama.end()
    }
  }
  const free = await run(0)
  if (!free.answered) throw new Error('Ollama does not answer at full context without a limit')
  const atLimit = await run(limit)
  if (!atLimit.answered) throw new Error(`Ollama does not answer within ${formatBytes(limit)}`)
  const below = await run(Math.floor(free.peak * (1 - LESS)))
  const kills = { killsAtLimit: atLimit.kills, killsBelow: below.kills }
  return { ...cell, limit, peak: free.peak, ...kills }
}

/** What the plan holds the container of Ollama to. */
async function plannedLimit(settings: Settings): Promise<Bytes> {
  const plan = await planOn({ ...settings, target: 'docker' }, [machineOf(64)], 'here')
  const ollama = plan.workloads.find(({ kind }) => kind === 'ollama')!
  return Math.ceil(ollama.server.limits.memory / MiB) * MiB
}

async function bringModels(settings: Settings): Promise<void> {
  const reach = { kind: 'direct' as const, url: urlOf(settings) }
  const { signal } = new AbortController()
  for (const model of settings.models) {
    await provisionFromArgs(modelArgs(model, settings, { pool: 'cpu', reach }), {
      report() {},
      signal,
    })
  }
}

/** Both models loaded, and every sequence of the chat model filled to the end of its context. */
async function fillAll(settings: Settings): Promise<void> {
  const [embedding, chat] = settings.models.map(({ definition, contextLength }) =>
    servedName(definition.name, contextLength),
  )
  const { contextLength } = settings.models[1]!
  const prompt = 'the '.repeat(contextLength - HEADROOM)
  await post(settings, '/api/embed', { model: embedding, input: 'the '.repeat(1000) })
  const options = { num_predict: HEADROOM / 2 }
  const request = { model: chat, prompt, raw: true, stream: false, options }
  const answers = await Promise.all(
    Array.from({ length: settings.ollama.parallel }, () =>
      post(settings, '/api/generate', request),
    ),
  )
  for (const { prompt_eval_count } of answers) {
    if (prompt_eval_count < contextLength - 2 * HEADROOM) {
      throw new Error(`only ${prompt_eval_count} of ${contextLength} tokens were filled`)
    }
  }
}

async function post(settings: Settings, path: string, body: object) {
  const response = await fetch(urlOf(settings) + path, {
    method: 'POST',
    body: JSON.stringify(body),
    dispatcher: PATIENT,
  })
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as { prompt_eval_count: number }
}

const urlOf = ({ ollama }: Settings): string => `http://127.0.0.1:${ollama.port}`

function table(figures: readonly Held[]): string {
  const rows = figures.map(({ contextLength, parallel, limit, peak, killsAtLimit, killsBelow }) => [
    `${contextLength} × ${parallel}`,
    formatBytes(limit),
    formatBytes(peak),
    `${killsAtLimit}`,
    `${killsBelow}`,
  ])
  return [
    'all-minilm and smollm2:135m loaded together in one container, every sequence filled to the end.',
    '',
    '| Context × parallel | Limit by the plan | Resident peak without a limit | Killed for memory at the limit | at 25 % less than the peak |',
    '|---|---|---|---|---|',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n')
}
