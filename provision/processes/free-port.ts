import { type AddressInfo, createServer } from 'node:net'
import { Failure } from '../../infra/failure.ts'
import type { Program } from '../../infra/local/local-servers.ts'
import { commandOf } from './process-table.ts'

const LOOPBACK = '127.0.0.1'

/** Whether nobody listens on a loopback port; found out by listening on it for a moment. */
export function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: LOOPBACK, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}

/** A loopback port that nobody listens on. */
export function anyFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen({ port: 0, host: LOOPBACK }, () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

/**
 * @throws Failure `unavailable` that names who listens on the port, where the system tells
 */
export async function requireFree(port: number, program: Program): Promise<void> {
  if (await isFree(port)) return
  throw new Failure(
    'unavailable',
    `Port ${port} of ${LOOPBACK}, which ${program} is to listen on, is in use by ${await holderOf(port)}`,
    { mend: `stop it, or choose another port: knowledge-stack:${program}Port in the stack's file` },
  )
}

async function holderOf(port: number): Promise<string> {
  // Loaded only now: it brings a hundred modules along, and most ports are free.
  const { portToPid } = await import('pid-port')
  // The tools that tell (ss, lsof) may be missing, or hide the processes of other users.
  const pid = await portToPid(port).catch(() => undefined)
  if (pid === undefined) return 'a process that this user cannot see'
  const command = commandOf(pid)
  return `process ${pid}${command === undefined ? '' : ` (${command})`}`
}
