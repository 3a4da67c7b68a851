import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Docker from 'dockerode'
import { acquireLock } from '../../../provision/lock.mjs'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'
import { debianCommand, MAY_CHANGE_SYSTEM } from '../servers/debian.ts'
import { startServer } from '../servers/server.ts'

const PACKAGES = ['docker.io', 'containerd', 'runc', 'iptables', 'debootstrap', 'procps']
const POLL_MS = 100

/** A real Docker Engine of the tests' own. */
export interface RunningEngine {
  docker: Docker
  /** As DOCKER_HOST names it. */
  host: string
  /** Ends it and starts it again, as a machine does that is switched off and on: containers end with it. */
  reboot(): Promise<void>
  /** Removes every container, network and volume. */
  clean(): Promise<void>
  /** Does so, and ends it; images stay for the next time, those without a name for a day. */
  stop(): Promise<void>
}

/** Why there can be no Engine here; undefined where there can. */
export const noEngine = MAY_CHANGE_SYSTEM
  ? undefined
  : 'needs KNOWLEDGE_STACK_TEST_SYSTEM=1 and root'

/** Starts the Engine, once nobody else runs it; its images are kept in the cache. */
export async function startEngine(): Promise<RunningEngine> {
  const dockerd = await debianCommand('dockerd', ...PACKAGES)
  const root = join(toolchainOptions(process.env).cache, 'docker')
  const pidFile = join(root, 'dockerd.pid')
  const lock = await takeTurn(root)
  await endLeftover(pidFile, root)
  await mkdir(root, { recursive: true })
  // Where it has to switch this on itself, Docker forbids all other forwarding on the machine.
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1')
  const folder = await mkdtemp(join(tmpdir(), 'docker-'))
  const socketPath = join(folder, 'docker.sock')
  const host = `unix://${socketPath}`
  const docker = new Docker({ socketPath })
  const start = () =>
    startServer({
      command: dockerd!,
      args: [
        ...['--host', host, '--data-root', root, '--exec-root', join(folder, 'exec')],
        ...['--pidfile', pidFile, '--storage-driver', 'overlay2'],
      ],
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      readyUrl: host,
      ask: async () => new Response(await docker.ping()),
    })
  let server = await start()
  const end = async () => {
    process.kill(server.pid, 'SIGTERM')
    while (isAlive(server.pid)) await sleep(POLL_MS)
    await server.end()
  }
  await clean(docker)
  return {
    docker,
    host,
    clean: () => clean(docker),
    async reboot() {
      await end()
      server = await start()
    },
    async stop() {
      await clean(docker)
      // Each change of the project's files makes another image of its own, and leaves the one before without a name.
      await docker.pruneImages({ filters: { dangling: ['true'], until: ['24h'] } })
      await end()
      await unmountLeftover(folder)
      await rm(folder, { recursive: true, force: true })
      await lock.release()
    },
  }
}

/** The machine's own address, as containers reach it. */
export async function bridgeOf({ docker }: Pick<RunningEngine, 'docker'>): Promise<string> {
  const { IPAM } = await docker.getNetwork('bridge').inspect()
  return IPAM!.Config![0]!.Gateway!
}

/** What runs or lies around from this suite, or from one that was killed. */
async function clean(docker: Docker): Promise<void> {
  for (const { Id } of await docker.listContainers({ all: true })) {
    await docker.getContainer(Id).remove({ force: true, v: true })
  }
  for (const { Name, Id } of await docker.listNetworks()) {
    if (!['bridge', 'host', 'none'].includes(Name)) await docker.getNetwork(Id).remove()
  }
  const { Volumes } = await docker.listVolumes()
  for (const { Name } of Volumes) await docker.getVolume(Name).remove({ force: true })
}

/** A build on the machine's own network leaves that mounted. */
async function unmountLeftover(folder: string): Promise<void> {
  const left = join(folder, 'exec', 'netns', 'default')
  const mounts = await readFile('/proc/mounts', 'utf8')
  if (!mounts.includes(left)) return
  await runCommand(['umount', left], { env: process.env, signal: AbortSignal.timeout(10_000) })
}

/** One Engine works in the folder; a turn that was never given back ends with its process. */
async function takeTurn(root: string): Promise<{ release(): Promise<void> }> {
  for (;;) {
    const lock = await acquireLock(`${root}.lock`, 'runs a Docker Engine for tests')
    if (lock.heldBy === undefined) return lock
    await sleep(POLL_MS)
  }
}

/** A test run that was killed leaves its Engine behind, which holds the folder. */
async function endLeftover(pidFile: string, root: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
  if (pid === 0) return
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  if (!command.includes(root)) return
  process.kill(pid, 'SIGTERM')
  while (isAlive(pid)) await sleep(POLL_MS)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
