import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AuthProxy,
  FRONT_SCRATCH,
  nginxCommand,
  nginxConfig,
  ROOM_FILE,
} from '../../../infra/auth-proxy/nginx.ts'
import { freePort } from './ports.ts'
import { startServer } from './server.ts'

export interface RunningAuthProxy {
  port: number
  /** Of its processes: their group. */
  pid: number
  /** The file that says that the disk of the server behind it has room. */
  roomFile: string
  stop(): Promise<void>
}

/** A real nginx with the configuration of an auth proxy, as it runs beside a server; its scratch folder is its own. */
export async function startAuthProxy(
  nginx: string,
  front: Omit<AuthProxy, 'listen'>,
): Promise<RunningAuthProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'front-'))
  const config = join(folder, 'nginx.conf')
  const port = await freePort()
  const text = nginxConfig({ ...front, listen: port })
  // Where nginx may look also when root runs it, and it becomes somebody else.
  const roomFile = `${folder}-disk-has-room`
  await writeFile(roomFile, '')
  const moved = text.replaceAll(` ${FRONT_SCRATCH}/`, ` ${folder}/`)
  await writeFile(config, moved.replaceAll(ROOM_FILE, roomFile))
  const [, ...args] = nginxCommand(config)
  const server = await startServer({
    command: nginx,
    args,
    readyUrl: `http://127.0.0.1:${port}/`,
    isReady: () => true,
  })
  return {
    port,
    pid: server.pid,
    roomFile,
    async stop() {
      await server.end()
      await rm(folder, { recursive: true })
      await rm(roomFile, { force: true })
    },
  }
}

/** One request whose request line is sent just as it is given, which no HTTP client does. */
export function rawRequest(
  port: number,
  line: string,
  headers: Record<string, string> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => {
      const fields = Object.entries({ host: 'localhost', connection: 'close', ...headers })
      socket.write([line, ...fields.map(field => field.join(': ')), '', ''].join('\r\n'))
    })
    socket.setEncoding('utf8').on('data', text => {
      answer += text
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(Number(answer.split(' ')[1])))
  })
}
