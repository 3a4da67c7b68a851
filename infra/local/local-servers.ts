import { join } from 'node:path'
import { localPaths } from '../settings/home-paths.ts'
import type { Settings } from '../settings/parse-settings.ts'

/** What a local process runs: a part of the toolchain, or the project's own HTTP API. */
export type Program = 'chroma' | 'ollama' | 'api'

/** Where a server of the stack is found on this machine. */
export interface Place {
  name: string
  program: Program
  /** Loopback port it listens on. */
  port: number
  /** File that takes its standard output and error; what it outgrew is kept with the endings `.1`, `.2` (log-bounds.ts). */
  log: string
  /** File that records the running process, so that it is known even when an update was killed. */
  record: string
}

/** The servers of a stack, in the order they are listed to people. */
export function placesOf(settings: Settings): Place[] {
  const { chroma } = settings
  return [
    ...Array.from({ length: chroma.instances }, (_, index) => chromaPlace(settings, index)),
    ollamaPlace(settings),
    apiPlace(settings),
  ]
}

export const chromaPlace = (settings: Settings, index: number): Place =>
  place(settings, `chroma-${index}`, 'chroma', settings.chroma.port + index)

export const ollamaPlace = (settings: Settings): Place =>
  place(settings, 'ollama', 'ollama', settings.ollama.port)

export const apiPlace = (settings: Settings): Place =>
  place(settings, 'api', 'api', settings.api.port)

function place({ home }: Settings, name: string, program: Program, port: number): Place {
  const { logs, processes } = localPaths(home)
  return {
    name,
    program,
    port,
    log: join(logs, `${name}.log`),
    record: join(processes, `${name}.json`),
  }
}

export const loopbackUrl = ({ port }: Pick<Place, 'port'>): string => `http://127.0.0.1:${port}`
