import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { processesOfGroup } from '../../../provision/processes/process-table.ts'

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

test('a group has its processes, also after its leader has ended', async () => {
  const leader = await groupOf('sleep 60 & echo $!; exec sleep 60')
  expect(processesOfGroup(leader.pid)).toEqual([leader.pid, leader.child])
  process.kill(leader.pid, 'SIGKILL')
  await leader.ended
  expect(processesOfGroup(leader.pid)).toEqual([leader.child])
  process.kill(-leader.pid, 'SIGKILL')
  await expect.poll(() => processesOfGroup(leader.pid)).toEqual([])
})

test('a group has no processes that have ended and that nobody has reaped', async () => {
  // A parent that is stopped reaps nothing, like the first process of many a container.
  const parent = run('sh', ['-c', 'setsid sleep 60 & echo $!; kill -STOP $$'])
  const pid = Number(await firstLine(parent))
  await expect.poll(() => stateOf(parent.pid as number)).toBe('T')
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => stateOf(pid)).toBe('Z')
  expect(processesOfGroup(pid)).toEqual([])
})

async function groupOf(script: string) {
  const child = run('sh', ['-c', script])
  const ended = once(child, 'exit')
  return { pid: child.pid as number, child: Number(await firstLine(child)), ended }
}

function run(program: string, args: string[]): ChildProcess {
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  started.push(child)
  return child
}

const firstLine = async ({ stdout }: ChildProcess): Promise<string> =>
  String((await once(stdout!, 'data'))[0]).trim()

const stateOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0]
