import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { apiArguments } from '../../../infra/servers/api-program.ts'
import { KiB } from '../../../infra/units.ts'
import { freePort } from '../servers/ports.ts'

export const API_MAIN = join(PROJECT_ROOT, 'checks/api/main.ts')

export interface ApiProcess {
  child: ChildProcess
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

/**
 * Starts the API as the stack does, with this environment and nothing else in it.
 * @param log file descriptor that it logs to; when absent, what it logs is told when it has ended
 */
export function startApiProcess(env: NodeJS.ProcessEnv, log: number | 'pipe' = 'pipe'): ApiProcess {
  const child = spawn(process.execPath, apiArguments(API_MAIN), {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', log, log],
  })
  const ended = Promise.all([once(child, 'exit'), said(child.stdout), said(child.stderr)])
  return { child, ended: ended.then(([[code], stdout, stderr]) => ({ code, stdout, stderr })) }
}

const said = async (stream: Readable | null): Promise<string> =>
  stream === null ? '' : text(stream)

/** Starts it on a free port and waits until it answers. */
export async function startServingProcess(
  env: NodeJS.ProcessEnv,
  log?: number,
): Promise<ApiProcess & { url: string; port: number }> {
  const port = await freePort()
  const api = startApiProcess({ ...env, KNOWLEDGE_API_PORT: `${port}` }, log)
  const url = `http://127.0.0.1:${port}`
  while (!(await fetch(`${url}/openapi.json`).catch(() => undefined))) {
    if (api.child.exitCode !== null) throw new Error((await api.ended).stderr)
    await sleep(50)
  }
  return { ...api, url, port }
}

/** The most memory that a process has ever had resident, in bytes. */
export async function peakMemory({ child }: ApiProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * KiB
}
