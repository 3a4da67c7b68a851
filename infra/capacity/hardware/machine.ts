import { type Bytes, MiB } from '../../units.ts'
import { GPU_RESOURCE, type Gpu, isOld, type Node, usableGpuMemory } from './hardware.ts'

const CGROUP_V1 = {
  root: '/sys/fs/cgroup/memory',
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
}
const CGROUP_V2 = { root: '/sys/fs/cgroup', limit: 'memory.max', usage: 'memory.current' }

/** What is asked of the machine; everything may fail, since no system has all of it. */
export interface MachineReader {
  readFile(path: string): Promise<string>
  /** Standard output of a command. */
  exec(command: string, args: string[]): Promise<string>
  cpus(): number
  freeMemory(): Bytes
  /** Free bytes of the file system that holds the path. */
  freeDisk(path: string): Promise<Bytes>
}

/**
 * This machine: cores, memory that is available within the cgroup's limit, disk, GPUs with what is free on
 * them now.
 * @param home folder on the file system that data and models go to
 * @param own processes whose GPU memory counts as free, since a new deployment gives it back
 */
export async function readMachine(
  reader: MachineReader,
  home: string,
  own: ReadonlySet<string> = new Set(),
): Promise<Node> {
  const available = (await memAvailable(reader)) ?? reader.freeMemory()
  const cgroup = await cgroupAvailable(reader)
  const limited = cgroup !== undefined && cgroup < available
  return {
    name: 'this machine',
    cpu: reader.cpus(),
    memory: limited ? cgroup : available,
    disk: await reader.freeDisk(home),
    gpus: await readGpus(reader, own),
    source: limited ? 'limit of its control group' : 'memory available now',
  }
}

const attempt = (work: Promise<string>): Promise<string | undefined> => work.catch(() => undefined)

async function memAvailable(reader: MachineReader): Promise<Bytes | undefined> {
  const info = await attempt(reader.readFile('/proc/meminfo'))
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(info ?? '')?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

/** What the control groups above this process still allow; page cache that can be dropped counts as free. */
async function cgroupAvailable(reader: MachineReader): Promise<Bytes | undefined> {
  const groups = (await attempt(reader.readFile('/proc/self/cgroup'))) ?? ''
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1]
  const files = v1 === undefined ? CGROUP_V2 : CGROUP_V1
  const path = v1 ?? /^0::(.*)$/m.exec(groups)?.[1] ?? '/'
  const rooms = await Promise.all(
    ancestors(path).map(async folder => {
      const read = async (file: string) =>
        attempt(reader.readFile(`${files.root}${folder}/${file}`))
      const limit = Number.parseInt((await read(files.limit)) ?? '', 10)
      const usage = Number.parseInt((await read(files.usage)) ?? '', 10)
      const cache = /^(?:total_)?inactive_file (\d+)$/m.exec((await read('memory.stat')) ?? '')
      return limit - (usage - Number(cache?.[1] ?? 0))
    }),
  )
  const known = rooms.filter(Number.isFinite)
  return known.length === 0 ? undefined : Math.max(1, Math.min(...known))
}

/** `/a/b` → `/a/b`, `/a`, and the root, which is all a container sees of its host's hierarchy. */
function ancestors(path: string): string[] {
  const names = path.split('/').filter(Boolean)
  return names.map((_, index) => `/${names.slice(0, names.length - index).join('/')}`).concat('')
}

async function readGpus(reader: MachineReader, own: ReadonlySet<string>): Promise<Gpu[]> {
  const query = async (what: string) =>
    csv(await attempt(reader.exec('nvidia-smi', [what, '--format=csv,noheader,nounits'])))
  const apps = await query('--query-compute-apps=pid,gpu_uuid,used_gpu_memory')
  const ownMiB = (gpu: string) =>
    apps
      .filter(([pid = '', uuid]) => uuid === gpu && own.has(pid))
      .reduce((sum, [, , used]) => sum + (Number(used) || 0), 0)
  const gpus = await query('--query-gpu=uuid,name,memory.total,memory.free')
  // Asked for by itself: drivers of some years ago know no such field, and say nothing at all then.
  const capabilities = new Map(
    (await query('--query-gpu=uuid,compute_cap')).map(([uuid, capability]) => [uuid, capability]),
  )
  return gpus.flatMap(([uuid = '', product = '', total, free]) => {
    if (!(Number(total) > 0)) return []
    const reserve = Number(total) * MiB - usableGpuMemory(Number(total) * MiB)
    const memory = Math.floor((Number(free) + ownMiB(uuid)) * MiB - reserve)
    const old = isOld(capabilities.get(uuid)) && { old: true as const }
    return memory > 0 ? [{ product, memory, resource: GPU_RESOURCE, uuid, ...old }] : []
  })
}

const csv = (text: string | undefined): string[][] =>
  (text ?? '').split('\n').map(line => line.split(',').map(cell => cell.trim()))
