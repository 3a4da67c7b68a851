import { chmod, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { tightenHome } from '../../../provision/ownership/tighten-home.ts'

/** What an earlier version left in a home folder, as it would be with the usual umask. */
const LEFT = [
  'chroma/0/chroma.sqlite3',
  'chroma/0/5a1/data_level0.bin',
  'chroma/1/chroma.sqlite3',
  'logs/ollama.log',
  'logs/ollama.log.1',
  'models/blobs/sha256-1',
  'models/manifests/registry.ollama.ai/library/all-minilm/latest',
  'processes/api.json',
  'state/backend.json',
  'state/pulumi/.pulumi/stacks/knowledge-stack/dev.json',
]

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'home-'))
  await chmod(home, 0o755)
  for (const file of LEFT) await make(file)
})
afterEach(() => rm(home, { recursive: true }))

async function make(file: string): Promise<void> {
  const path = join(home, file)
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await writeFile(path, '', { mode: 0o644 })
}
const settings = () => parseSettings('dev', { home, instances: 2 })
const modeOf = async (path: string) => (await lstat(join(home, path))).mode & 0o777

describe('the home folder of an earlier version', () => {
  it('is taken from group and others in all that the stack made', async () => {
    await tightenHome(settings())
    for (const file of LEFT) {
      expect({ file, mode: await modeOf(file) }).toEqual({ file, mode: 0o600 })
      for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) {
        expect({ folder, mode: await modeOf(folder) }).toEqual({ folder, mode: 0o700 })
      }
    }
  })

  it('is left as it is itself, with what else lies in it', async () => {
    const others = ['photographs/one.jpg', 'logs/theirs.log', 'models/theirs.gguf', 'chroma/notes']
    for (const file of others) await make(file)
    await tightenHome(settings())
    expect(await modeOf('.')).toBe(0o755)
    expect(await modeOf('photographs')).toBe(0o755)
    for (const file of others) expect(await modeOf(file)).toBe(0o644)
  })

  it('is left as it is where no stack was deployed', async () => {
    await rm(join(home, 'state/backend.json'))
    await tightenHome(settings())
    for (const file of LEFT.filter(name => !name.includes('backend'))) {
      expect(await modeOf(file)).toBe(0o644)
    }
  })

  it('is not left through a link', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'elsewhere-'))
    await writeFile(join(elsewhere, 'file'), '', { mode: 0o644 })
    await chmod(elsewhere, 0o755)
    await symlink(elsewhere, join(home, 'state/folder'))
    await symlink(join(elsewhere, 'file'), join(home, 'state/file'))
    await rm(join(home, 'chroma/0'), { recursive: true })
    await symlink(elsewhere, join(home, 'chroma/0'))
    await tightenHome(settings())
    expect((await lstat(elsewhere)).mode & 0o777).toBe(0o755)
    expect((await lstat(join(elsewhere, 'file'))).mode & 0o777).toBe(0o644)
    await rm(elsewhere, { recursive: true })
  })
})
