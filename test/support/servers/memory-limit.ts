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

/** The most that a group held, the cache of files among it, and how often something in it was killed for memory. */
export interface MemorySeen {
  limit: Bytes
  most: Bytes
  kills: number
}

/** A group of processes that is killed for memory when it holds more than a container with this limit might. */
export interface MemoryLimit {
  /** Of the group: a process that writes its number into `cgroup.procs` there is in it. */
  folder: string
  /** Takes a process in; what it starts from then on is in it too. */
  add(pid: number): Promise<void>
  seen(): Promise<MemorySeen>
  end(): Promise<void>
}

export async function limitMemory(name: string, limit: Bytes): Promise<MemoryLimit> {
  const folder = join(V1, `${name}-${process.pid}`)
  await mkdir(folder)
  const write = (file: string, text: string | number) => writeFile(join(folder, file), `${text}`)
  await write('memory.limit_in_bytes', limit)
  return {
    folder,
    add: pid => write('cgroup.procs', pid),
    seen: () => seenIn(folder),
    end: () => rmdir(folder),
  }
}

/** What was seen of the group that somebody else put a process into, as Docker does for a container. */
export async function memorySeenOf(pid: number): Promise<MemorySeen> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8')
  const [, group] = /^\d+:memory:(.*)$/m.exec(groups)!
  return seenIn(join(V1, group!))
}

async function seenIn(folder: string): Promise<MemorySeen> {
  const read = (file: string) => readFile(join(folder, file), 'utf8')
  const limit = Number(await read('memory.limit_in_bytes'))
  const most = Number(await read('memory.max_usage_in_bytes'))
  const kills = Number(/oom_kill (\d+)/.exec(await read('memory.oom_control'))?.[1])
  return { limit, most, kills }
}
