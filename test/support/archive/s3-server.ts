import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finishedFolder } from '../../../provision/toolchain/finished-folder.ts'
import {
  buildPrograms,
  STAGES_OF_A_BUILD,
} from '../../../provision/toolchain/installers/go-build.ts'
import { Stages } from '../../../provision/toolchain/installers/stages.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { freePort } from '../servers/ports.ts'
import { startServer } from '../servers/server.ts'

/** The go.mod beside has the same. */
const VERSION = '1.8.0'

export interface RunningS3 {
  /** What a client of it has in its environment. */
  env: NodeJS.ProcessEnv
  /** Of its objects: buckets, and in them files. */
  folder: string
  stop(): Promise<void>
}

/**
 * A real S3 server with a bucket `archives`: Versity's gateway to a folder, built from Go's module proxy.
 * @param host the address it listens on: of loopback, or one that a cluster's pods reach
 */
export async function startS3(host = '127.0.0.1'): Promise<RunningS3> {
  const bin = await install()
  const folder = await mkdtemp(join(tmpdir(), 's3-'))
  await mkdir(join(folder, 'archives'))
  const port = await freePort()
  const access = 'archivist'
  const secret = randomBytes(16).toString('hex')
  const server = await startServer({
    command: join(bin, 'versitygw'),
    args: ['--port', `${host}:${port}`, '--health', '/health', 'posix', folder],
    env: { ...process.env, ROOT_ACCESS_KEY: access, ROOT_SECRET_KEY: secret },
    readyUrl: `http://${host}:${port}/health`,
  })
  return {
    env: {
      AWS_ENDPOINT_URL: `http://${host}:${port}`,
      AWS_ACCESS_KEY_ID: access,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_REGION: 'us-east-1',
    },
    folder,
    async stop() {
      await server.end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function install(): Promise<string> {
  const { cache, env } = toolchainOptions(process.env)
  const what = `Versity's S3 gateway ${VERSION}`
  const task = { report() {}, signal: new AbortController().signal }
  const folder = join(cache, 'tools', `versitygw-${VERSION}-source`)
  const programs = {
    module: join(import.meta.dirname, 's3-server'),
    packages: ['tool'],
    tags: [],
    ldflags: [],
    environment: {},
  }
  return finishedFolder(folder, what, task, draft =>
    buildPrograms(programs, draft, draft, what, env, new Stages(task, STAGES_OF_A_BUILD)),
  )
}
