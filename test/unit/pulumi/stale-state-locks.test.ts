import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { removeStaleLocks } from '../../../provision/pulumi/stale-state-locks.ts'

let backend: string
const started: ChildProcess[] = []
beforeEach(async () => {
  backend = await mkdtemp(join(tmpdir(), 'backend-'))
})
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  await rm(backend, { recursive: true, force: true })
})

const folderOf = (stack: string) =>
  join(backend, '.pulumi/locks/organization/knowledge-stack', stack)

async function lock(pid: number, { stack = 'dev', host = hostname() } = {}): Promise<void> {
  await mkdir(folderOf(stack), { recursive: true })
  const content = { pid, username: 'ada', hostname: host, timestamp: '2026-01-01T00:00:00Z' }
  await writeFile(join(folderOf(stack), `${pid}.json`), JSON.stringify(content))
  await writeFile(join(folderOf(stack), `${pid}.json.attrs`), '{"md5":""}')
}

async function running(name: string): Promise<number> {
  const program = join(backend, name)
  await copyFile('/bin/sleep', program)
  const child = spawn(program, ['60'])
  started.push(child)
  await once(child, 'spawn')
  return child.pid as number
}

async function ended(): Promise<number> {
  const child = spawn('true')
  await once(child, 'exit')
  return child.pid as number
}

const left = async (stack = 'dev') =>
  (await readdir(folderOf(stack))).filter(name => !name.endsWith('.attrs'))

describe('a lock on the state', () => {
  it('goes when its holder has ended, and no other stack is touched', async () => {
    await lock(await ended())
    await lock(await ended(), { stack: 'prod' })
    await removeStaleLocks(backend, 'dev', false)
    expect(await readdir(folderOf('dev'))).toEqual([])
    expect(await left('prod')).toHaveLength(1)
  })

  it('goes when its pid is that of another program now', async () => {
    await lock(await running('editor'))
    await removeStaleLocks(backend, 'dev', false)
    expect(await left()).toEqual([])
  })

  it('goes when a kill left it half written', async () => {
    await mkdir(folderOf('dev'), { recursive: true })
    await writeFile(join(folderOf('dev'), 'fileblob123'), '{"pid"')
    await removeStaleLocks(backend, 'dev', false)
    expect(await left()).toEqual([])
  })

  it('stays while a Pulumi that somebody runs by hand holds it', async () => {
    const pid = await running('pulumi')
    await lock(pid)
    await removeStaleLocks(backend, 'dev', true)
    expect(await left()).toEqual([`${pid}.json`])
  })

  it("of another host stays, unless an engine of the stack's was left behind", async () => {
    await lock(4711, { host: 'elsewhere' })
    await removeStaleLocks(backend, 'dev', false)
    expect(await left()).toEqual(['4711.json'])
    await removeStaleLocks(backend, 'dev', true)
    expect(await left()).toEqual([])
  })

  it('is none where there is no backend yet', async () => {
    await expect(removeStaleLocks(join(backend, 'none'), 'dev', true)).resolves.toBeUndefined()
  })
})
