import { readdir, readFile } from 'node:fs/promises'
import { Agent, fetch } from 'undici'
import { plannedEnvironment } from '../../../infra/capacity/model/planned-environment.ts'
import { generationOf } from '../../../infra/settings/ollama-version.ts'
import { startOllama } from '../../support/servers/ollama.ts'
import type { Cell } from './cells.ts'
import { type Reserved, readReserved } from './engine-log.ts'

/** What the real Ollama did in a cell, in bytes. */
export interface Observation {
  reserved: Reserved
  /** The most the runner's process had in memory at once: pages of its own, and of the program's file. */
  resident: { own: number; file: number }
  /** What /api/ps says. */
  api: number
  /** Tokens that were computed for one request. */
  filled: number
}

/** Room that the chat template and the answer take in the context. */
const HEADROOM = 16
const REQUEST_TIMEOUT_MS = 30 * 60_000
/** An answer begins when the whole prompt was computed. */
const PATIENT = new Agent({ headersTimeout: REQUEST_TIMEOUT_MS, bodyTimeout: REQUEST_TIMEOUT_MS })
/** With a thread per core, threads would wait for each other wherever the machine has other work. */
const OPTIONS = { num_thread: 1, num_predict: 1 }

/**
 * Starts an Ollama for the cell, fills every sequence's context, asks it many other things, and looks at its log and
 * its process.
 */
export async function observe(
  modelsFolder: string,
  cell: Cell,
  version: string,
): Promise<Observation> {
  let log = ''
  const ollama = await startOllama({
    modelsFolder,
    env: {
      OLLAMA_DEBUG: '1',
      ...plannedEnvironment({
        generation: generationOf(version),
        ...cell,
        contextLength: cell.context,
      }),
    },
    onLog: text => {
      log += text
    },
  })
  try {
    const filled = await fill(ollama.url, cell)
    for (const prompt of othersFor(cell)) await ask(ollama.url, cell, prompt)
    const loaded = (await (await fetch(`${ollama.url}/api/ps`)).json()) as {
      models: { size: number }[]
    }
    const status = await runnerStatus(ollama.pid)
    const file = kibibytes(status, 'RssFile')
    return {
      reserved: readReserved(log),
      resident: { own: kibibytes(status, 'VmHWM') - file, file },
      api: loaded.models[0]!.size,
      filled,
    }
  } finally {
    await ollama.stop()
  }
}

/** @returns tokens of a request, as Ollama counted them */
async function fill(url: string, cell: Cell): Promise<number> {
  const { model, context, parallel } = cell
  const prompt = model.textOf(context - HEADROOM)
  const answers = await Promise.all(Array.from({ length: parallel }, () => ask(url, cell, prompt)))
  return Math.min(...answers.map(({ prompt_eval_count }) => prompt_eval_count))
}

/** Prompts that begin differently, and a conversation that grows: what an engine keeps of either adds up. */
function othersFor({ model, context }: Cell): string[] {
  const part = Math.floor(context / 8)
  const different = Array.from(
    { length: 8 },
    (_, n) => `${'b'.repeat(n + 1)} ${model.textOf(part)}`,
  )
  const conversation = [2, 4, 6].map(parts => `c ${model.textOf(parts * part)}`)
  return [...different, ...conversation]
}

/** An embedding model's batch is pinned to its context, as the stack does: Ollama's own is shorter. */
const ask = (url: string, { model, context }: Cell, prompt: string) =>
  model.role === 'embedding'
    ? post(`${url}/api/embed`, {
        model: model.name,
        input: prompt,
        options: { ...OPTIONS, num_batch: context },
      })
    : post(`${url}/api/generate`, {
        model: model.name,
        prompt,
        raw: true,
        stream: false,
        options: OPTIONS,
      })

async function post(url: string, body: object): Promise<{ prompt_eval_count: number }> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    dispatcher: PATIENT,
  })
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as { prompt_eval_count: number }
}

/** /proc/<pid>/status of the server's only runner. */
async function runnerStatus(server: number): Promise<string> {
  for (const pid of (await readdir('/proc')).filter(name => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    if (new RegExp(`^PPid:\\t${server}$`, 'm').test(status)) return status
  }
  throw new Error(`Ollama's process ${server} has no runner`)
}

const kibibytes = (status: string, key: string): number =>
  Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
