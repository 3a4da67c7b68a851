import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findModel } from '../../../infra/settings/model-catalog.ts'
import { minutes } from '../../../infra/units.ts'
import { provisionModel } from '../../../provision/models/provision-model.ts'
import { type RunningOllama, startOllama } from '../servers/ollama.ts'
import { CHAT_MODEL, EMBEDDING_MODEL } from '../store/deployment.ts'

/** A real Ollama that holds the two small real models, under the names of test/support/store/deployment.ts. */
export async function startOllamaWithModels(env?: Record<string, string>): Promise<RunningOllama> {
  const ollama = await startOllama(env === undefined ? {} : { env })
  const records = await mkdtemp(join(tmpdir(), 'model-records-'))
  const task = { report() {}, signal: AbortSignal.timeout(minutes(5)) }
  for (const { name, serves, contextLength } of [EMBEDDING_MODEL, CHAT_MODEL]) {
    const known = findModel(name)!
    const sources = known.sources.filter(source => source.kind === 'package')
    await provisionModel(
      { definition: { ...known, sources }, serves, contextLength, deadline: minutes(5) },
      ollama,
      { tracked: {}, recorded: {}, recordFile: join(records, 'lock.json') },
      task,
    )
  }
  await rm(records, { recursive: true })
  return ollama
}
