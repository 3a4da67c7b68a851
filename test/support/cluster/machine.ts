import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { seconds } from '../../../infra/units.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'
import { tied } from './fleet/tied.ts'

/**
 * A machine within this one: its processes, mounts and network are its own, and all of it is gone when its first
 * process ends, however that happens. Its kernel, memory and disk are this machine's.
 */
export interface Machine {
  /** Of its own: no other on this machine has it. */
  name: string
  /** The folder of everything that is written on it. */
  home: string
  /** Its address, and this machine's as it sees it. */
  address: string
  gateway: string
  /** Addresses for what runs on it. */
  podRange: string
  /** What comes before a command that is to run on it. */
  enter: string[]
  stop(): Promise<void>
}

const DEADLINE_MS = 30_000
const POLL_MS = 50
/** Machines that this one has addresses for. */
const MOST = 256

/** @throws Error without root */
export async function startMachine(): Promise<Machine> {
  const place = freePlace()
  const home = await mkdtemp(join(tmpdir(), 'node-'))
  await writeFile(join(home, 'resolv.conf'), `nameserver ${place.address}\n`)
  await eachCgroup(place.name, folder => mkdir(folder, { recursive: true }))
  const script = join(import.meta.dirname, 'machine.sh')
  const namespaces = ['--mount', '--net', '--pid', '--mount-proc', '--fork', '--kill-child']
  const { command, args } = tied('unshare', [...namespaces, script, home])
  const init = spawn(command, args, { stdio: 'inherit' })
  const stop = async () => {
    await endInit(init)
    await eachCgroup(place.name, removeCgroup)
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const pid = await firstProcess(init, home)
    await connect(place, pid)
    const enter = ['nsenter', '--target', pid, '--mount', '--net', '--pid', '--']
    return { ...place, home, enter, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Place = Pick<Machine, 'name' | 'address' | 'gateway' | 'podRange'>

function freePlace(): Place {
  const interfaces = Object.values(networkInterfaces()).flatMap(all => all ?? [])
  const taken = new Set(interfaces.map(({ address }) => address))
  const index = Array.from({ length: MOST }, (_, index) => index).find(
    index => !taken.has(`10.197.${index}.1`),
  )
  if (index === undefined) throw new Error(`${MOST} nodes run on this machine`)
  return {
    name: `test-node-${index}`,
    gateway: `10.197.${index}.1`,
    address: `10.197.${index}.2`,
    podRange: `10.199.${index}.0/24`,
  }
}

/** @returns its number as this machine counts */
async function firstProcess(init: ChildProcess, home: string): Promise<string> {
  await once(init, 'spawn')
  const deadline = Date.now() + DEADLINE_MS
  while (!existsSync(join(home, 'ready'))) {
    if (init.exitCode !== null || Date.now() > deadline) throw new Error('the node did not start')
    await sleep(POLL_MS)
  }
  return (await readFile(`/proc/${init.pid}/task/${init.pid}/children`, 'utf8')).trim()
}

/** A cable between the two, both ends of which are gone when the machine is. */
async function connect({ name, address, gateway }: Place, pid: string): Promise<void> {
  const there = ['nsenter', '--target', pid, '--net', 'ip']
  await run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid)
  await run('ip', 'address', 'add', `${gateway}/24`, 'dev', name)
  await run('ip', 'link', 'set', name, 'up')
  await run(...there, 'address', 'add', `${address}/24`, 'dev', 'eth0')
  await run(...there, 'link', 'set', 'eth0', 'up')
  await run(...there, 'route', 'add', 'default', 'via', gateway)
}

export const run = (...argv: string[]): Promise<string> =>
  runCommand(argv, {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    signal: AbortSignal.timeout(seconds(120)),
  })

async function endInit(init: ChildProcess): Promise<void> {
  if (init.exitCode !== null || init.signalCode !== null) return
  const ended = once(init, 'exit')
  init.kill('SIGKILL')
  await ended
}

const CGROUPS = '/sys/fs/cgroup'

/** Of the first version there is a tree for each controller, of the second one for all. */
async function eachCgroup(name: string, act: (folder: string) => Promise<unknown>): Promise<void> {
  const unified = existsSync(join(CGROUPS, 'cgroup.controllers'))
  const trees = unified ? [''] : await readdir(CGROUPS)
  for (const tree of trees) await act(join(CGROUPS, tree, name))
}

/** From the leaves up; a group empties some moments after the last of its processes was killed. */
async function removeCgroup(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries.filter(entry => entry.isDirectory())) {
    await removeCgroup(join(folder, entry.name))
  }
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    try {
      await rmdir(folder)
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      if (code !== 'EBUSY' || Date.now() > deadline) throw error
    }
    await sleep(POLL_MS)
  }
}
