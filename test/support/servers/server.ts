import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ServerCommand {
  command: string
  args: string[]
  env?: NodeJS.ProcessEnv
  readyUrl: string
  /** Asks there, where the platform's fetch as it is does not serve. */
  ask?: (url: string) => Promise<Response>
  /** Whether its answer there says that it is ready: a success, when absent. */
  isReady?: (answer: Response) => boolean
  /** Is given what it logs. */
  onLog?: ((text: string) => void) | undefined
  /** Milliseconds in which it has to be ready; a minute, when absent. */
  startsWithin?: number
}

export interface StartedServer {
  /** Of the server; what it started are its children. */
  pid: number
  /** Ends it with all that it started, at once. Does nothing when it is gone. */
  end(): Promise<void>
}

const STARTS_WITHIN_MS = 60_000
const POLL_MS = 50
const LOG_TAIL = 4000

/** Starts a server and waits until it answers. */
export async function startServer(server: ServerCommand): Promise<StartedServer> {
  const child = spawn(server.command, server.args, {
    // A process group of its own, so that what it started ends with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: server.env ?? process.env,
  })
  let log = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', text => {
      log = (log + text).slice(-LOG_TAIL)
      server.onLog?.(text)
    })
  }
  await once(child, 'spawn')
  const { isReady = answer => answer.ok, startsWithin = STARTS_WITHIN_MS } = server
  const ask = server.ask ?? fetch
  const deadline = Date.now() + startsWithin
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const answer = await ask(server.readyUrl).catch(() => undefined)
    if (answer && isReady(answer)) return { pid: child.pid!, end: () => endGroup(child) }
    await sleep(POLL_MS)
  }
  await endGroup(child)
  throw new Error(`${server.command} did not answer at ${server.readyUrl}:\n${log}`)
}

async function endGroup(child: ChildProcess): Promise<void> {
  const running = child.exitCode === null && child.signalCode === null
  const ended = running ? once(child, 'exit') : undefined
  try {
    process.kill(-child.pid!, 'SIGKILL')
  } catch (error) {
    // ESRCH: neither the server nor what it started is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
  await ended
}
