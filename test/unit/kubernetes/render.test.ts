import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { render } from '../../../provision/commands/deploy/render.ts'
import { Steps } from '../../../provision/steps/steps.ts'
import { violations } from '../../support/kubernetes/policy.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'render-'))
})
afterEach(() => rm(folder, { recursive: true }))

const TOKEN = /[0-9a-f]{64}/
const out = () => join(folder, 'manifests')

async function run(options: object = {}, settings: object = {}) {
  const configFile = join(folder, 'stack.yaml')
  const config = {
    target: 'kubernetes',
    home: join(folder, 'home'),
    creators: 1000,
    kubernetes: { nodes: ['memory=64GiB,cpu=16'] },
    ...settings,
  }
  const entries = Object.entries(config).map(([key, value]) => [`knowledge-stack:${key}`, value])
  await writeFile(configFile, stringify({ config: Object.fromEntries(entries) }))
  const { signal } = new AbortController()
  const context = { steps: new Steps(signal), signal }
  return render.run({ stack: 'test', configFile, out: out(), ...options }, context)
}

const files = () => readdir(out())
const texts = async () =>
  Promise.all((await files()).map(file => readFile(join(out(), file), 'utf8')))

describe('rendering a stack as plain manifests', () => {
  it('writes every object to a file of its own, those first that others need', async () => {
    await run({ secrets: true })
    const kinds = (await files()).sort().map(file => file.split('-')[1])
    expect([kinds[0], kinds.at(-1)]).toEqual(['namespace', 'job'])
    expect(kinds.indexOf('secret')).toBeLessThan(kinds.indexOf('statefulset'))
    const objects = (await texts()).map(text => parse(text))
    expect(violations(objects)).toEqual([])
    for (const { kind, metadata } of objects) {
      expect(metadata.namespace).toBe(kind === 'Namespace' ? undefined : 'knowledge-stack-test')
    }
  })

  it('refuses a proxy that only Pulumi can read, rather than leave it out', async () => {
    const encrypted = { httpsProxy: { secure: 'v1:abc' } }
    await expect(run({}, encrypted)).rejects.toThrow(/knowledge-stack:httpsProxy is encrypted/)
  })

  it('keeps values of Secrets out of all files, and says what was left out', async () => {
    const { text, document } = await run()
    expect((await texts()).join('\n')).not.toMatch(TOKEN)
    expect(document).toMatchObject({ left: expect.arrayContaining(['03-secret-deployment.yaml']) })
    expect(text).toContain('--secrets writes them too')
  })

  it('writes Secrets when asked, readable for their owner only, with the values of the stack', async () => {
    await run({ secrets: true })
    const file = join(out(), '03-secret-chroma-front.yaml')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const { chroma } = JSON.parse(await readFile(join(folder, 'home/state/tokens.json'), 'utf8'))
    expect(await readFile(file, 'utf8')).toContain(chroma)
  })

  it('says the same again, and takes away what an earlier run has written', async () => {
    await run({ secrets: true })
    const before = await texts()
    await writeFile(join(out(), '07-statefulset-gone.yaml'), 'kind: StatefulSet\n')
    await writeFile(join(out(), 'kustomization.yaml'), 'resources: []\n')
    await run({ secrets: true })
    expect(await files()).not.toContain('07-statefulset-gone.yaml')
    expect(await files()).toContain('kustomization.yaml')
    expect(await texts()).toEqual(expect.arrayContaining(before))
  })

  it('gives a Job another name when it has something else to verify', async () => {
    const job = async () => (await files()).find(file => file.includes('job'))
    await run()
    const before = await job()
    await run({}, { contextLength: 2048 })
    expect(await job()).not.toBe(before)
  })

  it('writes nothing that only Pulumi reads', async () => {
    await run({ secrets: true })
    expect((await texts()).join('\n')).not.toMatch(/pulumi/i)
  })

  it('is refused for a stack of another target', async () => {
    await expect(run({}, { target: 'local' })).rejects.toThrow(
      /target local; only one of kubernetes/,
    )
  })
})
