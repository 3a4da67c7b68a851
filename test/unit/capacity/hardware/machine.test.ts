import { describe, expect, it } from 'vitest'
import { type MachineReader, readMachine } from '../../../../infra/capacity/hardware/machine.ts'
import { GiB, MiB } from '../../../../infra/units.ts'

const MEMINFO = { '/proc/meminfo': 'MemTotal: 16000000 kB\nMemAvailable:   8388608 kB\n' }

/** What nvidia-smi prints of its GPUs, and of the processes on them. */
interface Nvidia {
  gpus: string
  /** Absent where the driver knows no such field. */
  capabilities?: string
  apps?: string
}

/** A machine that has these files, and nvidia-smi only where it is said what that prints. */
function machine(files: Record<string, string>, nvidia?: Nvidia): MachineReader {
  const missing = (what: string) => Promise.reject(new Error(`ENOENT: ${what}`))
  return {
    readFile: path => (path in files ? Promise.resolve(files[path]!) : missing(path)),
    exec: (command, [query = '']) => {
      if (nvidia === undefined) return missing(command)
      const { gpus, apps = '', capabilities } = nvidia
      if (query.includes('compute_cap') && capabilities === undefined) return missing(query)
      if (query.includes('compute_cap')) return Promise.resolve(capabilities!)
      return Promise.resolve(query.startsWith('--query-gpu') ? gpus : apps)
    },
    cpus: () => 4,
    freeMemory: () => 3 * GiB,
    freeDisk: () => Promise.resolve(100 * GiB),
  }
}

const read = (files: Record<string, string>, nvidia?: Nvidia, own?: string[]) =>
  readMachine(machine(files, nvidia), '/home', new Set(own))

describe('the memory of this machine', () => {
  it('is what the kernel says is available', async () => {
    expect(await read(MEMINFO)).toMatchObject({ memory: 8 * GiB, source: 'memory available now' })
  })

  it('is what the system says is free where there is no /proc', async () => {
    expect(await read({})).toMatchObject({ memory: 3 * GiB })
  })

  it('is what a control group of version 2 leaves, droppable cache counted as free', async () => {
    const folder = '/sys/fs/cgroup/pod/container'
    const node = await read({
      ...MEMINFO,
      '/proc/self/cgroup': '0::/pod/container\n',
      [`${folder}/memory.max`]: `${4 * GiB}\n`,
      [`${folder}/memory.current`]: `${3 * GiB}\n`,
      [`${folder}/memory.stat`]: `anon 1\ninactive_file ${2 * GiB}\nactive_file 5\n`,
    })
    expect(node).toMatchObject({ memory: 3 * GiB, source: 'limit of its control group' })
  })

  it('is what the tightest of the control groups above leaves', async () => {
    const node = await read({
      ...MEMINFO,
      '/proc/self/cgroup': '0::/pod/container\n',
      '/sys/fs/cgroup/pod/container/memory.max': 'max\n',
      '/sys/fs/cgroup/pod/container/memory.current': '1000\n',
      '/sys/fs/cgroup/pod/memory.max': `${2 * GiB}\n`,
      '/sys/fs/cgroup/pod/memory.current': `${1 * GiB}\n`,
    })
    expect(node.memory).toBe(1 * GiB)
  })

  it('is what a control group of version 1 leaves, seen from inside a container', async () => {
    const node = await read({
      ...MEMINFO,
      '/proc/self/cgroup': '12:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n0::/\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${2 * GiB}\n`,
      '/sys/fs/cgroup/memory/memory.usage_in_bytes': `${1 * GiB}\n`,
      '/sys/fs/cgroup/memory/memory.stat': `inactive_file 7\ntotal_inactive_file ${512 * MiB}\n`,
    })
    expect(node.memory).toBe(1 * GiB + 7)
  })

  it('is not the number that version 1 writes for no limit', async () => {
    const node = await read({
      ...MEMINFO,
      '/proc/self/cgroup': '4:memory:/\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      '/sys/fs/cgroup/memory/memory.usage_in_bytes': '1000\n',
    })
    expect(node).toMatchObject({ memory: 8 * GiB, source: 'memory available now' })
  })
})

describe('the GPUs of this machine', () => {
  it('are none without nvidia-smi', async () => {
    expect((await read(MEMINFO)).gpus).toEqual([])
  })

  it('have what is free on them, less a reserve', async () => {
    const { gpus } = await read(MEMINFO, {
      gpus: 'GPU-1, NVIDIA L4, 23034, 22000\nGPU-2, Tesla T4, 15360, 15000\n',
    })
    expect(gpus.map(({ product }) => product)).toEqual(['NVIDIA L4', 'Tesla T4'])
    expect(gpus[0]!.memory).toBeLessThan(22_000 * MiB)
    expect(gpus[0]!.memory).toBeGreaterThan(21_500 * MiB)
  })

  it('are told apart by their UUIDs, and those without flash attention from others', async () => {
    const { gpus } = await read(MEMINFO, {
      gpus: 'GPU-1, Tesla P40, 23040, 23000\nGPU-2, NVIDIA L4, 23034, 22000\n',
      capabilities: 'GPU-1, 6.1\nGPU-2, 8.9\n',
    })
    expect(gpus).toMatchObject([{ uuid: 'GPU-1', old: true }, { uuid: 'GPU-2' }])
    expect(gpus[1]).not.toHaveProperty('old')
  })

  it('are left out when they are full, and when nvidia-smi says something else', async () => {
    const { gpus } = await read(MEMINFO, {
      gpus: 'GPU-1, NVIDIA L4, 23034, 10\nNo devices were found\n',
    })
    expect(gpus).toEqual([])
  })

  it("count what the stack's own processes hold as free", async () => {
    const nvidia = {
      gpus: 'GPU-1, NVIDIA L4, 23034, 2000\n',
      apps: '77, GPU-1, 20000\n78, GPU-1, 1000\n79, GPU-2, 1000\n',
    }
    const others = (await read(MEMINFO, nvidia)).gpus[0]!.memory
    const own = (await read(MEMINFO, nvidia, ['77'])).gpus[0]!.memory
    expect(own - others).toBe(20_000 * MiB)
  })
})
