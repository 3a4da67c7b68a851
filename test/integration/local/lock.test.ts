import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireLock, withLock } from '../../../provision/lock.mjs'
import { processStart } from '../../../provision/process-identity.mjs'

const WORKER = join(import.meta.dirname, '../../support/lock-worker.ts')
const never = new AbortController().signal

let folder: string
let file: string
let room: string
const started: ChildProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
  file = join(folder, 'lock')
  room = join(folder, 'room')
})

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

function worker(times: number, mode = 'leave'): ChildProcess {
  const child = spawn(process.execPath, [WORKER, file, room, String(times), mode])
  started.push(child)
  return child
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = await once(child.stdout!, 'data')
  return String(chunk).trim()
}

async function killedHolder(): Promise<void> {
  const child = worker(1, 'hold')
  expect(await firstLine(child)).toBe('inside')
  child.kill('SIGKILL')
  await once(child, 'exit')
  await rmdir(room)
}

describe('a lock', () => {
  it('lets one process in at a time', async () => {
    const exits = Array.from({ length: 4 }, () => once(worker(10), 'exit'))
    expect(await Promise.all(exits)).toEqual(Array(4).fill([0, null]))
    expect(await readdir(folder)).toEqual([])
  })

  it('is taken over by just one of those who wait when its holder was killed', async () => {
    await killedHolder()
    const exits = Array.from({ length: 4 }, () => once(worker(5), 'exit'))
    expect(await Promise.all(exits)).toEqual(Array(4).fill([0, null]))
    expect(await readdir(folder)).toEqual([])
  })

  it('is refused while another process has it, and says who and for what', async () => {
    const child = worker(1, 'hold')
    await firstLine(child)
    expect((await acquireLock(file, 'asks')).heldBy).toMatchObject({
      pid: child.pid,
      purpose: 'tests the lock',
    })
  })

  it('tells those who wait for whom, once', async () => {
    const holder = worker(1, 'hold')
    await firstLine(holder)
    const waiting = worker(1, 'hold')
    expect(await firstLine(waiting)).toBe(`waits for ${holder.pid}, which tests the lock`)
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await rmdir(room)
    expect(await firstLine(waiting)).toBe('inside')
  })

  it('is not waited for any longer after an abort', async () => {
    await firstLine(worker(1, 'hold'))
    const stop = new AbortController()
    const onWait = () => stop.abort(new Error('Ctrl-C'))
    const waiting = withLock(
      file,
      { purpose: 'waits', onWait, signal: stop.signal },
      async () => {},
    )
    await expect(waiting).rejects.toThrow('Ctrl-C')
  })

  it('is free again when the work fails', async () => {
    const work = async () => {
      throw new Error('no disk')
    }
    const options = { purpose: 'fails', onWait: () => {}, signal: never }
    await expect(withLock(file, options, work)).rejects.toThrow('no disk')
    expect((await acquireLock(file, 'asks')).heldBy).toBeUndefined()
  })

  it('counts as free when its file is unreadable or its pid now belongs to another process', async () => {
    await writeFile(file, '')
    const first = await acquireLock(file, 'asks')
    expect(first.heldBy).toBeUndefined()

    await writeFile(file, JSON.stringify({ pid: process.pid, started: 'earlier', token: 'old' }))
    expect((await acquireLock(file, 'asks')).heldBy).toBeUndefined()
  })
})

describe('the identity of a process', () => {
  it('stays the same while it runs and is gone once it ended', async () => {
    const child = worker(1, 'hold')
    await firstLine(child)
    const identity = processStart(child.pid!)
    expect(identity).toBeDefined()
    expect(processStart(child.pid!)).toBe(identity)
    expect(identity).not.toBe(processStart(process.pid))
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(processStart(child.pid!)).toBeUndefined()
  })
})
