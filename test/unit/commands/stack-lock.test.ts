import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseSettings, type Settings } from '../../../infra/settings/parse-settings.ts'
import { withStackLock } from '../../../provision/stack-lock.ts'

let folder: string
let settings: Settings
let lock: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stack-lock-'))
  settings = parseSettings('dev', { home: join(folder, 'stacks/dev') })
  lock = join(settings.home, 'state/lock')
})
afterEach(() => rm(folder, { recursive: true }))

describe('the lock of a stack', () => {
  it('names command, process and since when to whoever finds it taken', async () => {
    const { since, refusal } = await withStackLock(settings, 'up of stack dev', async () => ({
      since: JSON.parse(await readFile(lock, 'utf8')).since as string,
      refusal: await withStackLock(settings, 'down of stack dev', async () => {}).catch(
        error => error,
      ),
    }))
    expect(refusal).toMatchObject({ kind: 'unavailable' })
    expect(refusal.text).toContain(`up of stack dev (process ${process.pid}, since ${since})`)
  })

  it('is for its owner’s eyes, in folders that are', async () => {
    await withStackLock(settings, 'up', async () => {
      expect((await stat(lock)).mode & 0o777).toBe(0o600)
      expect((await stat(settings.home)).mode & 0o777).toBe(0o700)
    })
  })

  it('leaves no folder that was made for it alone, also when the work fails', async () => {
    await withStackLock(settings, 'down', async () => {})
    expect(await readdir(folder)).toEqual([])
    const failed = withStackLock(settings, 'down', () => Promise.reject(new Error('no plan')))
    await expect(failed).rejects.toThrow('no plan')
    expect(await readdir(folder)).toEqual([])
  })

  it('leaves the folders that were there, and those that are in use', async () => {
    await mkdir(settings.home, { recursive: true })
    await withStackLock(settings, 'down', async () => {})
    expect(await readdir(settings.home)).toEqual([])
    await withStackLock(settings, 'up', () => writeFile(join(settings.home, 'state/kept'), ''))
    expect(await readdir(join(settings.home, 'state'))).toEqual(['kept'])
  })

  it('is not taken from another who has it since the folder was deleted', async () => {
    await withStackLock(settings, 'down --purge', async () => {
      await rm(settings.home, { recursive: true })
      await mkdir(join(settings.home, 'state'), { recursive: true })
      await writeFile(lock, JSON.stringify({ token: 'another' }))
    })
    expect(JSON.parse(await readFile(lock, 'utf8'))).toEqual({ token: 'another' })
  })
})
