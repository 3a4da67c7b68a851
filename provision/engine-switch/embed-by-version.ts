import { join } from 'node:path'
import { embed } from '../../checks/inference/embed.ts'
import { OllamaServer } from '../../checks/inference/ollama-server.ts'
import { unload } from '../../checks/inference/residence.ts'
import { Connection } from '../../checks/transport/connection.ts'
import { loopbackUrl, ollamaPlace } from '../../infra/local/local-servers.ts'
import { ollamaProcess } from '../../infra/local/ollama-process.ts'
import type { DeployedModel } from '../../infra/outputs.ts'
import type { ProcessArgs } from '../../infra/resources.ts'
import { describeModel } from '../../infra/servers/deployed-models.ts'
import { ollamaEnvironment } from '../../infra/servers/ollama-environment.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { anyFreePort } from '../processes/free-port.ts'
import { isAlive, readProcessRecord, removeProcessRecord } from '../processes/process-record.ts'
import { runnable } from '../processes/program-command.ts'
import { startProcess } from '../processes/start-process.ts'
import { stopProcess } from '../processes/stop-process.ts'
import type { Task } from '../progress.ts'

/** What the Ollama is called that runs for the comparison alone; its record has the next `up` end one that was left. */
const COMPARED = 'ollama-compared'

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
  task.report(`embedding ${texts.length} texts by Ollama ${version}, which runs`)
  return using(loopbackUrl(place), server => embedAndUnload(server, settings, texts, task))
}

/** The vectors that the version which the settings ask for gives, out of the stack's own store of models. */
export const embedAfter = (
  settings: Settings,
  texts: readonly string[],
  task: Task,
): Promise<number[][]> => embedApart(settings, settings.ollama.version, texts, task)

async function embedApart(
  settings: Settings,
  version: string,
  texts: readonly string[],
  task: Task,
): Promise<number[][]> {
  task.report(`starting an Ollama ${version} on a port of its own`)
  const args = await argsOf({ ...settings, ollama: { ...settings.ollama, version } })
  const { command } = await runnable(args, task)
  const left = await readProcessRecord(args.record)
  if (left !== undefined) await stopProcess(left)
  const running = await startProcess(command, args, task)
  try {
    task.report(`embedding ${texts.length} texts by Ollama ${version}`)
    return await using(loopbackUrl(args), server => embedAndUnload(server, settings, texts, task))
  } finally {
    await stopProcess(running)
    await removeProcessRecord(args.record)
  }
}

async function argsOf(settings: Settings): Promise<ProcessArgs> {
  const { logs, processes, models } = localPaths(settings.home)
  const port = await anyFreePort()
  const planned = ollamaProcess(settings)
  return {
    ...planned,
    name: COMPARED,
    port,
    log: join(logs, `${COMPARED}.log`),
    record: join(processes, `${COMPARED}.json`),
    environment: {
      ...planned.environment,
      ...ollamaEnvironment(settings, { port, modelsFolder: models, models: 1 }),
    },
  }
}

async function embedAndUnload(
  server: OllamaServer,
  settings: Settings,
  texts: readonly string[],
  { signal }: Task,
): Promise<number[][]> {
  const planned = settings.models.find(({ definition }) => definition.role === 'embedding')!
  const model = describeModel(planned, 'local') as DeployedModel
  const vectors = await embed(server, model, texts, { signal })
  await unload(server, model, signal)
  return vectors
}

async function using<Result>(url: string, use: (server: OllamaServer) => Promise<Result>) {
  const connection = new Connection('Ollama', url, { maxConnections: 2 })
  try {
    return await use(new OllamaServer(connection))
  } finally {
    await connection.close()
  }
}
