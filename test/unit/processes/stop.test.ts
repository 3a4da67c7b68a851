import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { processStart } from '../../../provision/process-identity.mjs'
import { environmentsByPs } from '../../../provision/processes/process-table.ts'
import { killTracked, stopProcess } from '../../../provision/processes/stop-process.ts'
import {
  newTrackingId,
  TRACKING_VARIABLE,
  trackedProcesses,
} from '../../../provision/processes/tracking.ts'

const groups: number[] = []
afterEach(() => {
  for (const group of groups.splice(0)) {
    try {
      process.kill(-group, 'SIGKILL')
    } catch {
      // It has ended in the test.
    }
  }
})

/** A server that leads a process group of its own and starts another process in it; both say their pids. */
async function startServer(trackingId?: string) {
  const script = 'sleep 60 & echo $!; exec sleep 60'
  const env = { ...process.env, [TRACKING_VARIABLE]: trackingId }
  const server: ChildProcess = spawn('sh', ['-c', script], { detached: true, env })
  const pid = server.pid as number
  groups.push(pid)
  const child = Number(String((await once(server.stdout!, 'data'))[0]))
  const identity = processStart(pid) as string
  const killed = async () => {
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  return { pid, identity, child, killed }
}

test('a process that was given the pid of an ended one is left alone', async () => {
  const { pid, child } = await startServer()
  await stopProcess({ pid, identity: 'an earlier process', trackingId: newTrackingId() })
  expect(processStart(pid)).toBeDefined()
  expect(processStart(child)).toBeDefined()
})

test('a group that has the number of an ended process, and has lost its own leader, is left alone', async () => {
  const stranger = await startServer()
  await stranger.killed()
  await stopProcess({ pid: stranger.pid, identity: 'an earlier process' })
  expect(processStart(stranger.child)).toBeDefined()
})

test('what a dead server left behind ends with it', async () => {
  const trackingId = newTrackingId()
  const { pid, identity, child, killed } = await startServer(trackingId)
  await killed()
  expect(processStart(child)).toBeDefined()
  await stopProcess({ pid, identity, trackingId })
  expect(processStart(child)).toBeUndefined()
})

test('a server ends that was started, and whose pid was not written down any more', async () => {
  const trackingId = newTrackingId()
  const { pid, child } = await startServer(trackingId)
  await stopProcess({ trackingId })
  expect(processStart(pid)).toBeUndefined()
  expect(processStart(child)).toBeUndefined()
})

test('a server that was recorded without a tracking id ends with the group it leads', async () => {
  const { pid, identity, child } = await startServer()
  await stopProcess({ pid, identity })
  expect(processStart(pid)).toBeUndefined()
  expect(processStart(child)).toBeUndefined()
})

test('all that carries a tracking id is killed at once, and nothing else', async () => {
  const trackingId = newTrackingId()
  const ours = await startServer(trackingId)
  const other = await startServer(newTrackingId())
  killTracked(trackingId)
  await expect.poll(() => processStart(ours.pid)).toBeUndefined()
  expect(processStart(ours.child)).toBeUndefined()
  expect(processStart(other.pid)).toBeDefined()
})

test('ps, which tells elsewhere than on Linux, finds the same processes by their environment', async () => {
  const trackingId = newTrackingId()
  await startServer(trackingId)
  const pids = trackedProcesses(trackingId).map(({ pid }) => pid)
  expect(pids).toHaveLength(2)
  expect(environmentsByPs(`${TRACKING_VARIABLE}=${trackingId}`)).toEqual(pids)
})
