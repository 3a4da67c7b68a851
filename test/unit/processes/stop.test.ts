import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { processStart } from '../../../provision/process-identity.mjs'
import { stopProcess } from '../../../provision/processes/stop.ts'

test('a process that was given the pid of an ended one is left alone', async () => {
  const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  const pid = stranger.pid as number
  await once(stranger, 'spawn')
  await stopProcess({ pid, identity: 'an earlier process' })
  expect(processStart(pid)).toBeDefined()
  stranger.kill('SIGKILL')
})

test('what a dead server left behind ends with it', async () => {
  const server = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { detached: true })
  const pid = server.pid as number
  const left = Number(String((await once(server.stdout, 'data'))[0]))
  const identity = processStart(pid) as string
  server.kill('SIGKILL')
  await once(server, 'exit')
  expect(processStart(left)).toBeDefined()
  await stopProcess({ pid, identity })
  expect(processStart(left)).toBeUndefined()
})
