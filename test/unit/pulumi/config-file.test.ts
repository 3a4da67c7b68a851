import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readStackFile } from '../../../infra/settings/settings-file.ts'
import { writeEngineConfig } from '../../../provision/pulumi/engine-config.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-file-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const FILE = `
  knowledge-stack:embeddingModel: all-minilm
  knowledge-stack:chatModel: smollm2:135m
`

/** The configuration that the engine is given for what a stack's file says. */
async function given(config: string) {
  const file = join(folder, 'stack.yaml')
  const home = `  knowledge-stack:home: ${folder}/home\n`
  await writeFile(file, `encryptionsalt: v1:salt\nconfig:\n${home}${FILE}${config}`)
  const written = await writeEngineConfig(await readStackFile('dev', file))
  return parse(await readFile(written, 'utf8'))
}

describe('the configuration for the engine', () => {
  it('has the types that Pulumi.yaml declares, where the file has texts of JSON', async () => {
    const { config } = await given(`
  knowledge-stack:shards: "12"
  knowledge-stack:deployUnfit: "true"
  knowledge-stack:creators: "1e3"
  knowledge-stack:models: '{"mine:1b": {"role": "chat", "contextLength": 1024, "sizeBytes": 5}}'
  knowledge-stack:kubernetes: '{"namespace": "knowledge"}'
  knowledge-stack:keepAlive: "-1"
`)
    expect(config).toMatchObject({
      'knowledge-stack:shards': 12,
      'knowledge-stack:deployUnfit': true,
      'knowledge-stack:creators': 1000,
      'knowledge-stack:models': { 'mine:1b': { role: 'chat' } },
      'knowledge-stack:kubernetes': { namespace: 'knowledge' },
      'knowledge-stack:keepAlive': '-1',
    })
  })

  it('has a setting that the file writes without the project, as Pulumi does, and the settings have it too', async () => {
    const { config } = await given('  shards: 12\n')
    expect(config).toMatchObject({ 'knowledge-stack:shards': 12 })
    const { settings } = await readStackFile('dev', join(folder, 'stack.yaml'))
    expect(settings.chroma.shards).toBe(12)
  })

  it("leaves what is another's as it is written, and keeps what Pulumi needs to decrypt", async () => {
    const document = await given('  kubernetes:context: "12"\n  kubernetes:token: {secure: v1:x}\n')
    expect(document).toMatchObject({
      encryptionsalt: 'v1:salt',
      config: { 'kubernetes:context': '12', 'kubernetes:token': { secure: 'v1:x' } },
    })
  })

  it('is refused before the engine sees it where a text is no JSON', async () => {
    await expect(given('  knowledge-stack:models: "{"\n')).rejects.toMatchObject({
      kind: 'misused',
      message: expect.stringContaining('knowledge-stack:models is "{"'),
    })
  })
})
