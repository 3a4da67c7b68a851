import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { roomFileOf, WATCHDOG_FILE } from '../../../infra/servers/chroma-watchdog.ts'
import { realTools } from '../toolchain/toolchain.ts'
import { freePort } from './ports.ts'
import { startServer } from './server.ts'

export interface RunningChroma {
  url: string
  /** Of its processes: their group. */
  readonly pid: number
  /** Folder of its data. */
  data: string
  configFile: string
  /** Kills it in the middle of whatever it does; its data stays, and `start` brings it back at the same URL. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/**
 * A real Chroma on a free port of loopback, with data of its own.
 * @param watchedIn a folder for it all; then it runs under the watchdog of its disk, as a stack has it
 */
export async function startChroma(watchedIn?: string): Promise<RunningChroma> {
  const { chroma } = await realTools()
  const home = await mkdtemp(join(watchedIn ?? tmpdir(), 'chroma-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const config = join(home, 'chroma.yaml')
  const data = join(home, 'data')
  const watchdog = watchedIn === undefined ? [] : ['/bin/sh', WATCHDOG_FILE, data]
  const [command = '', ...args] = [...watchdog, ...chroma.command]
  await writeFile(config, stringify({ port, listen_address: '127.0.0.1', persist_path: data }))
  const start = () =>
    startServer({
      command,
      args: [...args, 'run', config],
      env: { ...process.env, KNOWLEDGE_ROOM_FILE: roomFileOf(data) },
      readyUrl: `${url}/api/v2/heartbeat`,
    })
  let server = await start()
  return {
    url,
    get pid() {
      return server.pid
    },
    data,
    configFile: config,
    kill: () => server.end(),
    async start() {
      server = await start()
    },
    async stop() {
      await server.end()
      await rm(home, { recursive: true, force: true })
    },
  }
}
