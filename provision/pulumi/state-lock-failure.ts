import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Failure } from '../../infra/failure.ts'
import { commandOf } from '../processes/process-table.ts'

/** One line for each lock; source: pkg/backend/diy/lock.go of pulumi/pulumi. */
const HOLDER = /^ +(.+): created by (.*)@(.*?) \(pid (\d+)\) at (\S+)$/gm

/**
 * What the engine says where another engine holds the lock on the state, plain `pulumi up` or one on another machine,
 * told as the stack's own lock is told (stack-lock.ts): who it is, and what to do.
 * @param said all that the engine wrote as errors
 * @returns undefined where it says something else
 */
export function lockFailure(stack: string, said: string): Failure | undefined {
  if (!said.includes('the stack is currently locked by')) return undefined
  const holders = [...said.matchAll(HOLDER)]
  const who = holders.map(([, , user, host, pid, since]) => {
    const command = host === hostname() ? commandOf(Number(pid)) : undefined
    const process = command === undefined ? `process ${pid}` : `${command} (process ${pid})`
    return `${process} of ${user} on ${host}, since ${since}`
  })
  const unlock = holders.map(([, url = '']) => removal(stack, url))
  return new Failure(
    'unavailable',
    `Stack ${stack} is being changed by another Pulumi, which has locked its state: ${who.join('; ')}`,
    {
      mend: `wait until it has ended, then run this again; when it was killed, take its lock away: ${unlock.join(' ')}`,
    },
  )
}

function removal(stack: string, url: string): string {
  if (!url.startsWith('file:')) return `pulumi cancel --stack ${stack}`
  const path = fileURLToPath(url.replace(/\?.*$/, ''))
  return `rm '${path}'`
}
