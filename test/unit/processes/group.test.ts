import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { processGroupRuns } from '../../../provision/process-identity.mjs'

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

test('a group runs while one of its processes does, its leader or another', async () => {
  const leader = await groupOf('sleep 60 & echo $!; exec sleep 60')
  expect(processGroupRuns(leader.pid)).toBe(true)
  process.kill(leader.pid, 'SIGKILL')
  await leader.ended
  expect(processGroupRuns(leader.pid)).toBe(true)
  process.kill(-leader.pid, 'SIGKILL')
  await expect.poll(() => processGroupRuns(leader.pid)).toBe(false)
})

test('a group whose ended processes nobody has reaped no longer runs', async () => {
  // A parent that is stopped reaps nothing, like the first process of many a container.
  const parent = run('sh', ['-c', 'setsid sleep 60 & echo $!; kill -STOP $$'])
  const pid = Number(await firstLine(parent))
  await expect.poll(() => stateOf(parent.pid as number)).toBe('T')
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => stateOf(pid)).toBe('Z')
  expect(processGroupRuns(pid)).toBe(false)
})

async function groupOf(script: string) {
  const child = run('sh', ['-c', script])
  const ended = once(child, 'exit')
  await firstLine(child)
  return { pid: child.pid as number, ended }
}

function run(program: string, args: string[]): ChildProcess {
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  started.push(child)
  return child
}

const firstLine = async ({ stdout }: ChildProcess): Promise<string> =>
  String((await once(stdout!, 'data'))[0]).trim()

const stateOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0]
