import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { processStart } from '../../../provision/process-identity.mjs'
import { finishedFolder } from '../../../provision/toolchain/finished-folder.ts'
import { fetchPythonPackage } from '../../../provision/toolchain/installers/python-package.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'

const task = { report: () => {}, signal: new AbortController().signal }

let cache: string

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'cache-'))
})

afterEach(() => rm(cache, { recursive: true }))

describe('a folder of the cache', () => {
  const fill = (draft: string) => writeFile(join(draft, 'content'), '')

  it('is filled once, however many ask at once', async () => {
    let times = 0
    const counted = async (draft: string) => {
      times += 1
      await fill(draft)
    }
    const folder = join(cache, 'tool')
    const asking = [1, 2, 3].map(() => finishedFolder(folder, 'a tool', task, counted))
    expect(await Promise.all(asking)).toEqual([folder, folder, folder])
    expect(times).toBe(1)
    expect(await readdir(cache)).toEqual(['tool'])
  })

  it('says for whom it waits', async () => {
    const reports: string[] = []
    const told = { ...task, report: (text: string) => reports.push(text) }
    const folder = join(cache, 'tool')
    const asking = [1, 2].map(() => finishedFolder(folder, 'a tool', told, fill))
    await Promise.all(asking)
    expect(reports).toEqual([`waiting for process ${process.pid}, which gets a tool`])
  })

  it('is not there when filling it fails', async () => {
    const failing = async (draft: string) => {
      await fill(draft)
      throw new Error('disk full')
    }
    await expect(finishedFolder(join(cache, 'tool'), 'it', task, failing)).rejects.toThrow(
      'disk full',
    )
    expect(await readdir(cache)).toEqual([])
  })

  it('takes no notice of what a killed run left, and removes it', async () => {
    await mkdir(join(cache, 'tool.draft-killed'))
    await finishedFolder(join(cache, 'tool'), 'it', task, fill)
    expect(await readdir(cache)).toEqual(['tool'])
    expect(existsSync(join(cache, 'tool/content'))).toBe(true)
  })
})

describe('a command', () => {
  it('ends with everything it started when interrupted', async () => {
    const stop = new AbortController()
    let child = 0
    const running = runCommand(['sh', '-c', 'sleep 600 & echo $!; wait'], {
      env: process.env,
      signal: stop.signal,
      onLine: line => {
        child = Number(line)
        stop.abort(new Error('Ctrl-C'))
      },
    })
    await expect(running).rejects.toThrow('Ctrl-C')
    expect(child).toBeGreaterThan(0)
    await expect.poll(() => processStart(child)).toBeUndefined()
  })
})

describe('a package of PyPI', () => {
  // A small one that PyPI has; its hash is that of the wheel.
  const INICONFIG = {
    name: 'iniconfig',
    version: '2.0.0',
    sha256: 'b6a85871a79d2e3b22d2d1b94ac2824226a63c6b741c88f7ae975f18b6778374',
  }

  it('comes unpacked and without its wheel', async () => {
    const folder = await fetchPythonPackage(INICONFIG, cache, task)
    expect(await readdir(folder)).toEqual(['iniconfig', 'iniconfig-2.0.0.dist-info'])
  })

  it('with another hash is refused and leaves nothing', async () => {
    const other = { ...INICONFIG, sha256: '0'.repeat(64) }
    await expect(fetchPythonPackage(other, cache, task)).rejects.toThrow(/HASHES|Expected sha256/)
    expect(await readdir(join(cache, 'python'))).toEqual([])
  })

  it('that is not there is named with its version', async () => {
    const missing = { name: 'iniconfig', version: '0.0.999' }
    await expect(fetchPythonPackage(missing, cache, task)).rejects.toThrow('iniconfig==0.0.999')
  })
})
