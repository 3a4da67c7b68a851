import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '../../../infra/failure.ts'
import type { PreviousState } from '../../../infra/ownership/known-resources.ts'
import * as homePaths from '../../../infra/settings/home-paths.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { purgeHome, sizeOfHome } from '../../../provision/ownership/home-contents.ts'
import {
  claimHome,
  isClaimed,
  keepOwner,
  readOwner,
} from '../../../provision/ownership/home-owner.ts'
import { takeOver } from '../../../provision/ownership/take-over.ts'

const NEVER_DEPLOYED: PreviousState = { resources: [] }
const DRY = { dryRun: true }

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'home-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

const settingsOf = (stack = 'dev', more: object = {}) => parseSettings(stack, { home, ...more })

async function put(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(home, path)), { recursive: true })
    await writeFile(join(home, path), path)
  }
}

async function refusal(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(Failure)
  expect((error as Failure).exitCode).toBe(2)
  return error as Failure
}

describe('a home folder', () => {
  it('may be one with other things in it, which become nobody else’s and stay', async () => {
    await put('photographs/beach.jpg', 'notes.txt')
    await claimHome(settingsOf())
    expect(await readOwner(home)).toMatchObject({ project: 'knowledge-stack', stack: 'dev' })
    expect((await readdir(home)).sort()).toEqual(['notes.txt', 'photographs', 'state'])
  })

  it.each(['chroma/0/chroma.sqlite3', 'models/mine.gguf', 'logs/syslog', 'state/diary.txt'])(
    'is refused where %s is in the place of what the stack would make',
    async path => {
      await put(path)
      const { message, mend } = await refusal(claimHome(settingsOf()))
      expect(message).toContain(join(home, dirname(path).split('/')[0]!))
      expect(mend).toContain('knowledge-stack:home')
      expect(await readOwner(home)).toBeUndefined()
    },
  )

  it('is refused where another stack has it', async () => {
    await claimHome(settingsOf('prod'))
    const { message } = await refusal(claimHome(settingsOf('dev')))
    expect(message).toContain('stack prod')
  })

  it('of an older version, which gave nothing an owner, is taken over', async () => {
    await put('state/backend.json', 'chroma/0/chroma.sqlite3', 'models/blobs/sha256-1')
    expect(await claimHome(settingsOf())).toMatchObject({ stack: 'dev', older: true })
  })

  it('is claimed by the next command where the first was killed while it did so', async () => {
    await put('state/owner.json.lock', 'state/lock', 'state/.writable-4711')
    expect(await claimHome(settingsOf())).toMatchObject({ stack: 'dev', older: false })
  })

  it('stays unclaimed, with nothing made in it, for who only looks', async () => {
    expect(await isClaimed(settingsOf())).toBe(false)
    await takeOver(settingsOf(), NEVER_DEPLOYED, DRY)
    expect(await readdir(home)).toEqual([])
  })
})

describe('a purge', () => {
  const MADE = [
    'chroma/0/chroma.sqlite3',
    'models/blobs/sha256-1',
    'models/manifests/registry/x',
    'logs/api.log',
    'logs/ollama.log.1',
    'processes/ollama.json',
    'state/pulumi/.pulumi/stacks/dev.json',
    'state/passphrase',
    'state/outputs.json',
  ]
  const OTHERS = ['notes.txt', 'logs/backup.log.txt', 'models/README', 'state/diary.txt']

  it('deletes what the stack made and leaves every other file, and a folder that a setting names', async () => {
    await claimHome(settingsOf())
    await put(...MADE, ...OTHERS)
    const left = await purgeHome(settingsOf())
    expect(left.sort()).toEqual(
      OTHERS.slice(1)
        .map(path => join(home, path))
        .sort(),
    )
    const files = await readdir(home, { recursive: true, withFileTypes: true })
    const found = files.filter(file => file.isFile()).map(file => join(file.parentPath, file.name))
    expect(found.sort()).toEqual(OTHERS.map(path => join(home, path)).sort())
  })

  it('does not follow a link to what is somebody else’s', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'outside-'))
    await writeFile(join(outside, 'kept'), 'kept')
    await put('state/passphrase')
    await mkdir(join(home, 'chroma'))
    await symlink(outside, join(home, 'chroma', '0'))
    await purgeHome(settingsOf())
    expect(await readFile(join(outside, 'kept'), 'utf8')).toBe('kept')
    await rm(outside, { recursive: true })
  })

  it('takes a folder away that was made for the stack alone, and tells sizes before', async () => {
    const env = { HOME: home, KNOWLEDGE_STACK_HOME: home }
    const settings = parseSettings('dev', {}, env)
    await claimHome(settings)
    await put('dev/logs/api.log')
    expect(await sizeOfHome(settings)).toBeGreaterThan('dev/logs/api.log'.length)
    expect(await purgeHome(settings)).toEqual([])
    expect(await readdir(home)).toEqual([])
  })
})

describe('the owner of a stack', () => {
  it('is the one of Pulumi’s state, else the one of the home folder, else a new one', async () => {
    const { id } = await takeOver(settingsOf(), NEVER_DEPLOYED, DRY)
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    const kept = await takeOver(settingsOf(), { owner: 'of-the-state', resources: [] }, DRY)
    expect(kept.id).toBe('of-the-state')
    await keepOwner(home, kept)
    expect((await takeOver(settingsOf(), NEVER_DEPLOYED, DRY)).id).toBe('of-the-state')
  })

  it('cannot be two: a home folder of another deployment is refused', async () => {
    await keepOwner(home, { ...(await claimHome(settingsOf())), id: 'first' })
    const { message } = await refusal(
      takeOver(settingsOf(), { owner: 'second', resources: [] }, DRY),
    )
    expect(message).toMatch(/first.*second/)
  })

  it('has data of one embedding model: settings that do not know it are refused, by what the state has deployed', async () => {
    const layout = { embeddingModel: 'gone:latest', shards: 10 }
    const { message } = await refusal(takeOver(settingsOf(), { ...NEVER_DEPLOYED, layout }, DRY))
    expect(message).toContain('embedded by gone:latest')
  })
})

it('every folder and file of the stack on this machine is one that a purge knows', async () => {
  const { localPaths, ...others } = homePaths
  const folders = Object.values(localPaths(home)).map(path =>
    typeof path === 'string' ? path : path(0),
  )
  const files = (['chroma', 'ollama'] as const).flatMap(server =>
    Object.values(others).map(pathOf => pathOf(home, server)),
  )
  const paths = [...folders, ...files]
  await claimHome(settingsOf())
  for (const path of paths) {
    const isFile = /\.(yaml|json)$/.test(path)
    await mkdir(isFile ? dirname(path) : path, { recursive: true })
    if (isFile) await writeFile(path, '{}')
  }
  expect(await purgeHome(settingsOf())).toEqual([])
  expect(await readdir(home)).toEqual([])
})
