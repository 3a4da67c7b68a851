import { embed } from '../../checks/inference/embed.ts'
import { OllamaServer } from '../../checks/inference/ollama-server.ts'
import { unload } from '../../checks/inference/residence.ts'
import { Connection } from '../../checks/transport/connection.ts'
import { loopbackUrl, ollamaPlace } from '../../infra/local/local-servers.ts'
import type { DeployedModel } from '../../infra/outputs.ts'
import { describeModel } from '../../infra/servers/deployed-models.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { isAlive, readProcessRecord } from '../processes/process-record.ts'
import type { Task } from '../progress.ts'
import { withTemporaryOllama } from './temporary-ollama.ts'

/**
 * The vectors that the stack's Ollama gives: the one that runs, else one of that version for the moment. The model is
 * taken out of memory afterwards, since the other engine's copy may not fit beside it.
 */
export async function embedBefore(
  settings: Settings,
  version: string,
  texts: readonly string[],
  task: Task,
): Promise<number[][]> {
  const place = ollamaPlace(settings)
  const running = await readProcessRecord(place.record)
  if (running === undefined || !isAlive(running)) return embedApart(settings, version, texts, task)
  return embedAt(loopbackUrl(place), `Ollama ${version}, which runs`, settings, texts, task)
}

/** The vectors that the version which the settings ask for gives, out of the stack's own store of models. */
export const embedAfter = (
  settings: Settings,
  texts: readonly string[],
  task: Task,
): Promise<number[][]> => embedApart(settings, settings.ollama.version, texts, task)

const embedApart = (settings: Settings, version: string, texts: readonly string[], task: Task) =>
  withTemporaryOllama(settings, version, task, url =>
    embedAt(url, `Ollama ${version}`, settings, texts, task),
  )

async function embedAt(
  url: string,
  who: string,
  settings: Settings,
  texts: readonly string[],
  { report, signal }: Task,
): Promise<number[][]> {
  report(`embedding ${texts.length} texts by ${who}`)
  const planned = settings.models.find(({ definition }) => definition.role === 'embedding')!
  const model = describeModel(planned, 'local') as DeployedModel
  const connection = new Connection('Ollama', url, { maxConnections: 2 })
  try {
    const server = new OllamaServer(connection)
    const vectors = await embed(server, model, texts, { signal })
    await unload(server, model, signal)
    return vectors
  } finally {
    await connection.close()
  }
}
