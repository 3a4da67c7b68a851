import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { usableGpuMemory } from '../../../infra/capacity/hardware/hardware.ts'
import { Failure } from '../../../infra/failure.ts'
import { type Bytes, MiB } from '../../../infra/units.ts'
import { findCommand, runCommand } from '../../../provision/toolchain/run-command.ts'

/** The NVIDIA GPU that a plan is measured on. */
export interface Card {
  product: string
  uuid: string
  /** That a plan may count on, where nobody else uses it. */
  memory: Bytes
  /** Compute capability without its dot, as CMake takes it: `90`. */
  architecture: string
  driver: string
}

const FIELDS = ['name', 'uuid', 'memory.total', 'memory.used', 'compute_cap', 'driver_version']
/** More than a driver keeps for itself. */
const IDLE_MIB = 1024
const LOOKED_AT_EVERY_MS = 50

/**
 * The first of this machine's GPUs.
 * @throws Failure `unavailable` where there is none, or somebody uses it: its memory is told as a whole
 */
export async function cardAtHand(env: NodeJS.ProcessEnv = process.env): Promise<Card> {
  const tool = await findCommand('nvidia-smi', env)
  if (tool === undefined) throw noCard('nvidia-smi is not on PATH')
  const argv = [tool, `--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits']
  const signal = AbortSignal.timeout(10_000)
  const told = await runCommand(argv, { env, signal }).catch(error => {
    throw noCard(`nvidia-smi finds none: ${String(error.message).split('\\n')[0]}`)
  })
  const [product = '', uuid = '', total, used, capability = '', driver = ''] = told
    .split('\n')[0]!
    .split(',')
    .map(cell => cell.trim())
  if (!(Number(total) > 0)) throw noCard(`nvidia-smi says "${told.trim()}"`)
  if (Number(used) > IDLE_MIB) {
    throw noCard(`others use ${used} MiB of ${product}, and what is measured is all that is used`)
  }
  return {
    product,
    uuid,
    memory: usableGpuMemory(Number(total) * MiB),
    architecture: capability.replace('.', ''),
    driver,
  }
}

const noCard = (why: string) =>
  new Failure('unavailable', `No NVIDIA GPU is at hand that a plan could be measured on: ${why}`, {
    mend: 'run it on a machine that has one to itself: npm run bench -- capacity --gpu --write',
  })

/** Watches how much of a card is used, in terms of what is used at the beginning. */
export interface CardWatch {
  /** The most that was used at once. */
  most(): Bytes
  stop(): void
}

/** Begins to watch, and returns when it has looked once. */
export async function watchCard({ uuid }: Card): Promise<CardWatch> {
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits']
  const args = [...query, '-i', uuid, '-lms', String(LOOKED_AT_EVERY_MS)]
  const watcher = spawn('nvidia-smi', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const used: number[] = []
  const looked = Promise.withResolvers<void>()
  watcher.once('error', looked.reject)
  watcher.once('exit', code => looked.reject(new Error(`nvidia-smi ended with ${code}`)))
  createInterface({ input: watcher.stdout }).on('line', line => {
    used.push(Number(line))
    looked.resolve()
  })
  await looked.promise
  return {
    most: () => (Math.max(...used) - used[0]!) * MiB,
    stop: () => void watcher.kill(),
  }
}
