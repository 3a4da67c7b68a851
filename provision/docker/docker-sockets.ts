import { existsSync, globSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'
import { type Millis, seconds } from '../../infra/units.ts'
import { configurationFolder } from './docker-host.ts'

/** For a socket that is there: an engine answers this at once. */
const DEADLINE: Millis = seconds(2)

/** An engine that answers on this machine. */
export interface FoundEngine {
  /** As DOCKER_HOST names it. */
  host: string
  /** `Docker Engine 28.0.1`, `Podman Engine 4.3.1`. */
  name: string
}

/** The engines that answer on the sockets that Docker, Podman and their like are known to make, Docker's first. */
export async function findEngines(env: NodeJS.ProcessEnv): Promise<FoundEngine[]> {
  const sockets = [...new Set(knownSockets(env))].filter(existsSync)
  const found = await Promise.all(sockets.map(askSocket))
  return found
    .filter(engine => engine !== undefined)
    .toSorted((a, b) => Number(isPodman(a)) - Number(isPodman(b)))
}

function knownSockets(env: NodeJS.ProcessEnv): string[] {
  const home = env.HOME || homedir()
  const runtime = env.XDG_RUNTIME_DIR || `/run/user/${process.getuid?.()}`
  const docker = configurationFolder(env)
  return [
    '/var/run/docker.sock',
    join(runtime, 'docker.sock'),
    // Docker Desktop, on a Mac and on Linux.
    join(docker, 'run', 'docker.sock'),
    join(docker, 'desktop', 'docker.sock'),
    ...globSync('{.colima,.config/colima,.local/share/colima}/*/docker.sock', { cwd: home }).map(
      path => join(home, path),
    ),
    join(home, '.rd', 'docker.sock'),
    join(home, '.orbstack', 'run', 'docker.sock'),
    join(runtime, 'podman', 'podman.sock'),
    '/run/podman/podman.sock',
  ]
}

async function askSocket(socketPath: string): Promise<FoundEngine | undefined> {
  const host = `unix://${socketPath}`
  try {
    const docker = new Docker({ socketPath, host: '', timeout: DEADLINE })
    const { Components = [], Version } = await docker.version()
    const [engine] = Components as { Name: string; Version: string }[]
    // Docker calls itself `Engine`, Podman `Podman Engine`.
    const name =
      engine?.Name === undefined || engine.Name === 'Engine' ? 'Docker Engine' : engine.Name
    return { host, name: `${name} ${engine?.Version ?? Version}` }
  } catch {
    return undefined
  }
}

const isPodman = ({ name }: FoundEngine): boolean => /podman/i.test(name)
