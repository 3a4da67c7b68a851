import { readFileSync } from 'node:fs'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bytes } from '../../../infra/units.ts'

const V1 = '/sys/fs/cgroup/memory'

/** Whether a limit can be set on this machine: as root, with the memory controller of cgroup v1. */
export const canLimitMemory: boolean = process.getuid?.() === 0 && controllers().includes('memory')

function controllers(): string {
  try {
    return readFileSync('/proc/self/cgroup', 'utf8')
  } catch {
    return ''
  }
}

/** A group of processes that is killed for memory when it holds more than a container with this limit might. */
export interface MemoryLimit {
  /** Of the group: a process that writes its number into `cgroup.procs` there is in it. */
  folder: string
  /** Takes a process in; what it starts from then on is in it too. */
  add(pid: number): Promise<void>
  /** The most that it held, the cache of files among it, and how often something in it was killed for memory. */
  seen(): Promise<{ limit: Bytes; most: Bytes; kills: number }>
  end(): Promise<void>
}

export async function limitMemory(name: string, limit: Bytes): Promise<MemoryLimit> {
  const folder = join(V1, `${name}-${process.pid}`)
  await mkdir(folder)
  const write = (file: string, text: string | number) => writeFile(join(folder, file), `${text}`)
  const read = (file: string) => readFile(join(folder, file), 'utf8')
  await write('memory.limit_in_bytes', limit)
  return {
    folder,
    add: pid => write('cgroup.procs', pid),
    async seen() {
      const most = Number(await read('memory.max_usage_in_bytes'))
      const kills = Number(/oom_kill (\d+)/.exec(await read('memory.oom_control'))?.[1])
      return { limit, most, kills }
    },
    end: () => rmdir(folder),
  }
}
