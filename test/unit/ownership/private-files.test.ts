import { spawnSync } from 'node:child_process'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  keepPrivateFile,
  makePrivateFolder,
  spawnPrivately,
  writePrivateFile,
} from '../../../infra/private-files.ts'
import { changeJsonRecord } from '../../../provision/json-record.ts'

let folder: string
let umask: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'private-'))
  // Of somebody who lets everybody do everything.
  umask = process.umask(0)
})
afterEach(async () => {
  process.umask(umask)
  await rm(folder, { recursive: true })
})

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

describe('what is made for a stack', () => {
  it('is for its owner’s eyes, whatever the umask', async () => {
    const inner = join(folder, 'home/state')
    await makePrivateFolder(inner)
    await writePrivateFile(join(inner, 'written'), '1')
    await keepPrivateFile(join(inner, 'kept'), '1')
    await changeJsonRecord(join(inner, 'record'), z.object({}), () => ({}))
    expect(await Promise.all([modeOf(join(folder, 'home')), modeOf(inner)])).toEqual([0o700, 0o700])
    const files = await readdir(inner)
    expect(files.sort()).toEqual(['kept', 'record', 'written'])
    for (const file of files) expect(await modeOf(join(inner, file))).toBe(0o600)
  })

  it('does not take a folder from others that was there before', async () => {
    await makePrivateFolder(join(folder, 'shared'))
    await chmod(join(folder, 'shared'), 0o755)
    await makePrivateFolder(join(folder, 'shared'))
    expect(await modeOf(join(folder, 'shared'))).toBe(0o755)
  })

  it('replaces what a killed command left, and a link, which it does not follow', async () => {
    const strangers = join(folder, 'strangers')
    await writeFile(strangers, 'theirs')
    const file = join(folder, 'file')
    for (const inTheWay of [file, `${file}.new`]) {
      await symlink(strangers, inTheWay)
      await writePrivateFile(file, 'ours')
      expect(await readFile(strangers, 'utf8')).toBe('theirs')
      expect(await readFile(file, 'utf8')).toBe('ours')
      await rm(file)
    }
    await writeFile(`${file}.new`, 'half', { mode: 0o644 })
    await writePrivateFile(file, 'ours')
    expect(await modeOf(file)).toBe(0o600)
  })

  it('stays as it is where it is only to be kept', async () => {
    await keepPrivateFile(join(folder, 'file'), 'first')
    await keepPrivateFile(join(folder, 'file'), 'second')
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('first')
  })

  it('is not a tracked file, which keeps its mode when it is changed', async () => {
    const file = join(folder, 'models.lock.json')
    await writeFile(file, '{}', { mode: 0o644 })
    await changeJsonRecord(file, z.object({}), () => ({}))
    expect(await modeOf(file)).toBe(0o644)
  })
})

describe('a program that is started for a stack', () => {
  it('writes for its owner’s eyes, and the one that starts it as before', async () => {
    const script = `mkdir '${folder}/data' && touch '${folder}/data/file'`
    spawnPrivately(() => spawnSync('sh', ['-c', script]))
    expect(await modeOf(join(folder, 'data'))).toBe(0o700)
    expect(await modeOf(join(folder, 'data/file'))).toBe(0o600)
    await mkdir(join(folder, 'users'))
    expect(await modeOf(join(folder, 'users'))).toBe(0o777)
  })

  it('leaves the umask as it was when it cannot be started', async () => {
    const fails = () =>
      spawnPrivately(() => {
        throw new Error('no such program')
      })
    expect(fails).toThrow('no such program')
    await mkdir(join(folder, 'users'))
    expect(await modeOf(join(folder, 'users'))).toBe(0o777)
  })
})
