import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseSettings, type Settings } from '../../../infra/settings/parse-settings.ts'
import { chooseBackend, prepareBackend } from '../../../provision/pulumi/backend.ts'

const SHELL = { PULUMI_CONFIG_PASSPHRASE: "the shell's", PULUMI_CONFIG_PASSPHRASE_FILE: 'of/shell' }

let home: string
let settings: Settings
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'Zoë Müller 50% #1 '))
  const models = { embeddingModel: 'all-minilm', chatModel: 'smollm2:135m' }
  settings = parseSettings('dev', { ...models, home }, { HOME: home })
})
afterEach(() => rm(home, { recursive: true, force: true }))

const choose = (env: NodeJS.ProcessEnv = {}) => chooseBackend(settings, { HOME: home, ...env })
const passphrase = () => join(home, 'state/passphrase')

async function makeState(): Promise<void> {
  const stacks = join(home, 'state/pulumi/.pulumi/stacks/knowledge-stack')
  await mkdir(stacks, { recursive: true })
  await writeFile(join(stacks, 'dev.json'), '{}')
}

describe("the stack's own backend", () => {
  it('goes by its own passphrase, whatever the shell has for other projects', async () => {
    const { own, env } = await choose(SHELL)
    expect(own).toBe(true)
    expect(env).toMatchObject({
      PULUMI_CONFIG_PASSPHRASE: undefined,
      PULUMI_CONFIG_PASSPHRASE_FILE: passphrase(),
    })
    expect(env).toHaveProperty('PULUMI_CONFIG_PASSPHRASE')
  })

  it.each([
    ['percent-encoded', () => pathToFileURL(join(home, 'state/pulumi')).href],
    [
      'with its blanks and umlauts as they are',
      () => `file://${home.replace('%', '%25')}/state/pulumi`,
    ],
  ])('is the same when PULUMI_BACKEND_URL names it %s', async (_how, url) => {
    await prepareBackend(settings, await choose())
    const { own, env } = await choose({ ...SHELL, PULUMI_BACKEND_URL: url() })
    expect(own).toBe(true)
    expect(env.PULUMI_CONFIG_PASSPHRASE_FILE).toBe(passphrase())
  })

  it('keeps the passphrase that it has, and makes one where a kill left an empty file', async () => {
    const backend = await choose()
    await mkdir(join(home, 'state'), { recursive: true })
    await writeFile(passphrase(), '')
    await prepareBackend(settings, backend)
    const made = await readFile(passphrase(), 'utf8')
    expect(made).toMatch(/^[0-9a-f]{64}$/)
    await prepareBackend(settings, backend)
    expect(await readFile(passphrase(), 'utf8')).toBe(made)
  })

  it('refuses to make a passphrase for a state that was encrypted with another, and names the file', async () => {
    await makeState()
    const refused = prepareBackend(settings, await choose())
    await expect(refused).rejects.toMatchObject({
      kind: 'misused',
      message: expect.stringContaining(`${passphrase()} is not there`),
      mend: expect.stringContaining('backup'),
    })
  })
})

describe("the user's own backend", () => {
  it("goes by the shell's passphrase, wherever the engine runs", async () => {
    const { own, url, env } = await choose({ ...SHELL, PULUMI_BACKEND_URL: 's3://states' })
    expect({ own, url }).toEqual({ own: false, url: 's3://states' })
    expect(env).toEqual({
      PULUMI_BACKEND_URL: 's3://states',
      PULUMI_CONFIG_PASSPHRASE_FILE: join(process.cwd(), 'of/shell'),
    })
  })

  it('is one folder wherever the engine runs, also by a relative URL', async () => {
    const { url } = await choose({ PULUMI_BACKEND_URL: 'file://./Müller?no_tmp_dir=true' })
    expect(url).toBe(`${pathToFileURL(join(process.cwd(), 'Müller')).href}?no_tmp_dir=true`)
  })

  it.each([
    ['file:///srv/J%C3%BCrgens%20states', 'file:///srv/Jürgens states'],
    ['file://~/states', `file://${process.env.HOME}/states`],
  ])('%s is the same as %s', async (recorded, url) => {
    await prepareBackend(settings, await choose({ PULUMI_BACKEND_URL: recorded }))
    expect((await choose({ PULUMI_BACKEND_URL: url })).own).toBe(false)
  })

  it('is refused for a stack whose state is elsewhere', async () => {
    await prepareBackend(settings, await choose({ PULUMI_BACKEND_URL: 'file:///srv/states' }))
    await expect(choose({ PULUMI_BACKEND_URL: 'file:///srv/others' })).rejects.toThrow(
      'second state of the same ports and folders',
    )
    await expect(choose()).rejects.toMatchObject({ kind: 'misused' })
  })

  it('is refused by name when its record says nothing', async () => {
    await mkdir(join(home, 'state'), { recursive: true })
    await writeFile(join(home, 'state/backend.json'), '{"backe')
    await expect(choose()).rejects.toMatchObject({
      kind: 'misused',
      message: expect.stringContaining('state/backend.json'),
    })
  })
})
