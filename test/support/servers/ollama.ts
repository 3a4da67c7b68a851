import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realTools } from '../toolchain/toolchain.ts'
import { freePort } from './ports.ts'
import { startServer } from './server.ts'

export interface RunningOllama {
  url: string
  /** Its store on disk. */
  modelsFolder: string
  /** Of the server; its runners are its children. */
  pid: number
  /** Ends the server and its runners; a store that it made itself goes too. */
  stop(): Promise<void>
}

/**
 * A real Ollama on a free port of loopback, with a home of its own, so that no key or model of the machine is used.
 * @param options.modelsFolder a store to serve from; a temporary one when absent
 * @param options.env more of its environment, such as OLLAMA_CONTEXT_LENGTH
 * @param options.onLog is given what it and its runners log
 */
export async function startOllama(
  options: {
    modelsFolder?: string
    env?: Record<string, string>
    onLog?: (text: string) => void
  } = {},
): Promise<RunningOllama> {
  const home = await mkdtemp(join(tmpdir(), 'ollama-home-'))
  const modelsFolder = options.modelsFolder ?? join(home, 'models')
  const host = `127.0.0.1:${await freePort()}`
  const { ollama } = await realTools()
  const [command, ...prefix] = ollama.command
  const tidy = () => rm(home, { recursive: true, force: true })
  const started = startServer({
    command: command!,
    args: [...prefix, 'serve'],
    env: {
      ...process.env,
      HOME: home,
      OLLAMA_HOST: host,
      OLLAMA_MODELS: modelsFolder,
      OLLAMA_NOPRUNE: '1',
      OLLAMA_NO_CLOUD: '1',
      ...options.env,
    },
    readyUrl: `http://${host}/api/version`,
    onLog: options.onLog,
  })
  const server = await started.catch(async error => {
    await tidy()
    throw error
  })
  return {
    url: `http://${host}`,
    modelsFolder,
    pid: server.pid,
    async stop() {
      await server.end()
      await tidy()
    },
  }
}
