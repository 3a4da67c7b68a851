import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { readStackFile } from '../../../infra/settings/settings-file.ts'

const MODELS = { embeddingModel: 'all-minilm', chatModel: 'smollm2:135m' }
const problem = (raw: Record<string, unknown>) => () =>
  parseSettings('dev', { ...MODELS, ...raw }, { HOME: '/home/ada' })

describe('a setting that is wrong', () => {
  it.each([
    [{ shards: 3 }, 'knowledge-stack:shards is 3: allowed is at least 5'],
    [{ parallel: 99_999 }, 'knowledge-stack:parallel is 99999: allowed is at most 64'],
    [{ chromaPort: 'abc' }, 'knowledge-stack:chromaPort is "abc": allowed is a number'],
    [{ deployUnfit: 'yes' }, 'knowledge-stack:deployUnfit is "yes": allowed is true or false'],
    [
      { target: 'dokcer' },
      'target is "dokcer": allowed is local, docker, kubernetes; did you mean docker?',
    ],
    [{ shard: 7 }, 'knowledge-stack:shard is an unknown setting; did you mean shards?'],
    [{ wholly: 7 }, /wholly is an unknown setting; known are target, home, shards, /],
    [{ embeddingModel: 'nomic-embed-txt' }, 'did you mean nomic-embed-text:latest?'],
  ])('is told in the words of settings: %j', (raw, said) => {
    expect(problem(raw)).toThrow(said)
    expect(problem(raw)).not.toThrow(/expected|Invalid|Too (small|big)/)
  })
})

describe('a key of a stack’s file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'settings-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const read = async (...keys: string[]) => {
    const file = join(folder, 'Pulumi.dev.yaml')
    await writeFile(file, ['config:', ...keys.map(key => `  ${key}: 8`)].join('\n'))
    return readStackFile('dev', file)
  }

  it('is refused where its prefix is misspelt, for it would count for nothing', async () => {
    await expect(read('knowlege-stack:creators')).rejects.toThrow(
      "knowlege-stack:creators is nobody's setting; did you mean knowledge-stack:creators?",
    )
  })

  it('is left to other projects under their own prefixes', async () => {
    const { settings } = await read('docker:port', 'aws:region', 'knowledge-stack:shards')
    expect(settings.chroma.shards).toBe(8)
  })
})
