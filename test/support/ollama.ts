import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './ports.ts'
import { realTools } from './toolchain.ts'

export interface RunningOllama {
  url: string
  /** Its store on disk. */
  modelsFolder: string
  /** Of the server; its runners are its children. */
  pid: number
  /** Ends the server and its runners; a store that it made itself goes too. */
  stop(): Promise<void>
}

const START_DEADLINE_MS = 30_000
const POLL_MS = 50
const LOG_TAIL = 4000

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
  const server = spawn(command!, [...prefix, 'serve'], {
    // A process group of its own, so that its runners end with it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      HOME: home,
      OLLAMA_HOST: host,
      OLLAMA_MODELS: modelsFolder,
      OLLAMA_NOPRUNE: '1',
      OLLAMA_NO_CLOUD: '1',
      ...options.env,
    },
  })
  if (options.onLog) server.stderr.setEncoding('utf8').on('data', options.onLog)
  const stop = async () => {
    await endGroup(server)
    await rm(home, { recursive: true, force: true })
  }
  try {
    await untilItAnswers(`http://${host}`, server)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `http://${host}`, modelsFolder, pid: server.pid!, stop }
}

async function untilItAnswers(url: string, server: ChildProcess): Promise<void> {
  let log = ''
  server.stderr!.setEncoding('utf8').on('data', text => {
    log = (log + text).slice(-LOG_TAIL)
  })
  await once(server, 'spawn')
  const deadline = Date.now() + START_DEADLINE_MS
  while (Date.now() < deadline && server.exitCode === null && server.signalCode === null) {
    const answer = await fetch(`${url}/api/version`).catch(() => undefined)
    if (answer?.ok) return
    await sleep(POLL_MS)
  }
  throw new Error(`Ollama did not start at ${url}:\n${log}`)
}

async function endGroup(server: ChildProcess): Promise<void> {
  if (server.pid === undefined) return
  const running = server.exitCode === null && server.signalCode === null
  const ended = running ? once(server, 'exit') : undefined
  try {
    process.kill(-server.pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: neither the server nor a runner is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
  await ended
}
