import { join } from 'node:path'
import { loopbackUrl } from '../../infra/local/local-servers.ts'
import { ollamaProcess } from '../../infra/local/ollama-process.ts'
import type { ProcessArgs } from '../../infra/resources.ts'
import { ollamaEnvironment } from '../../infra/servers/ollama-environment.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { anyFreePort } from '../processes/free-port.ts'
import { readProcessRecord, removeProcessRecord } from '../processes/process-record.ts'
import { runnable } from '../processes/program-command.ts'
import { startProcess } from '../processes/start-process.ts'
import { stopProcess } from '../processes/stop-process.ts'
import type { Task } from '../progress.ts'

/** Its record has the next `up` end one that a killed command left. */
const NAME = 'ollama-temporary'

/**
 * Runs an Ollama beside the stack's own for as long as it is used, on a free port.
 * @param version which one; what the toolchain has of it
 * @param modelsFolder its store; that of the stack's own where none is given
 * @throws Failure `unavailable` when it cannot be obtained or started
 */
export async function withTemporaryOllama<Result>(
  settings: Settings,
  version: string,
  task: Task,
  use: (url: string) => Promise<Result>,
  modelsFolder = localPaths(settings.home).models,
): Promise<Result> {
  const args = await argsOf({ ...settings, ollama: { ...settings.ollama, version } }, modelsFolder)
  const { command } = await runnable(args, task)
  const left = await readProcessRecord(args.record)
  if (left !== undefined) await stopProcess(left)
  task.report(`starting an Ollama ${version} on a port of its own`)
  const running = await startProcess(command, args, task)
  try {
    return await use(loopbackUrl(args))
  } finally {
    await stopProcess(running)
    await removeProcessRecord(args.record)
  }
}

async function argsOf(settings: Settings, modelsFolder: string): Promise<ProcessArgs> {
  const { logs, processes } = localPaths(settings.home)
  const port = await anyFreePort()
  const planned = ollamaProcess(settings)
  return {
    ...planned,
    name: NAME,
    port,
    log: join(logs, `${NAME}.log`),
    record: join(processes, `${NAME}.json`),
    environment: {
      ...planned.environment,
      ...ollamaEnvironment(settings, { port, modelsFolder, models: 1 }),
    },
  }
}
