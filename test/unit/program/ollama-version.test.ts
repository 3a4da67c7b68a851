import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { versionRecordOf } from '../../../infra/settings/home-paths.ts'
import {
  DEFAULT_OLLAMA,
  generationOf,
  neverRun,
  suitesOf,
} from '../../../infra/settings/ollama-version.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { versionOfImage } from '../../../infra/settings/server-version.ts'
import { PINS } from '../../../provision/toolchain/pinned-tools.ts'
import { refusalOf } from '../../support/servers/refusal.ts'

const HOME = { HOME: '/home/ada' }
const parse = (raw: Record<string, unknown>, deployed?: string) =>
  parseSettings('docker', { target: 'docker', ...raw }, HOME, () =>
    deployed === undefined ? undefined : { version: deployed, image: 'of another time' },
  )
const ollamaOf = (raw: Record<string, unknown>, deployed?: string) => {
  const { ollama, images } = parse(raw, deployed)
  return [ollama.version, images.ollama]
}

describe('the generation of an Ollama', () => {
  it.each([
    ['0.17.1', 'allocating'],
    ['0.17.4', 'allocating'],
    ['0.24.9', 'allocating'],
    ['0.30.0', 'spawning'],
    ['0.34.2', 'spawning'],
    ['1.2.3', 'spawning'],
  ])('%s is %s', (version, generation) => {
    expect(generationOf(version)).toBe(generation)
  })

  it.each([
    ['0.25.0', 'lies between two engines'],
    ['0.29.1', 'lies between two engines'],
    ['0.17.0', 'CVE-2026-7482'],
    ['0.9.6', 'is too old'],
    ['0.33.0-rc2', 'is not a release'],
    ['0.32.15-5-gabc1234', 'is not a release'],
    ['0.0.0', 'without a version'],
    ['latest', 'is not a version'],
  ])('%s is refused by name, with what is supported', (version, why) => {
    const { text, exitCode } = refusalOf(() => generationOf(version))
    expect(text).toContain(`Ollama ${version} `)
    expect(text).toContain(why)
    expect(text).toContain('0.17.1 to 0.24, and 0.30 and newer')
    expect(text).toContain('knowledge-stack:ollamaVersion')
    expect(exitCode).toBe(2)
  })
})

describe('the Ollama of a stack', () => {
  it('is the default where nothing says another, on every way to it', async () => {
    expect(ollamaOf({})).toEqual([DEFAULT_OLLAMA, `ollama/ollama:${DEFAULT_OLLAMA}`])
    expect(PINS.ollama.version).toBe(DEFAULT_OLLAMA)
    const go = '../../../provision/toolchain/installers/go/ollama/go.mod'
    const source = await readFile(join(import.meta.dirname, go), 'utf8')
    expect(source).toContain(`\nrequire github.com/ollama/ollama v${DEFAULT_OLLAMA}\n`)
    expect(suitesOf(DEFAULT_OLLAMA)).toBeDefined()
  })

  it('is the version that is set, with its image', () => {
    expect(ollamaOf({ ollamaVersion: '0.32.15' })).toEqual(['0.32.15', 'ollama/ollama:0.32.15'])
  })

  it.each([
    ['ollama/ollama:0.18.3', '0.18.3'],
    ['ollama/ollama:0.32.15-rocm', '0.32.15'],
    ['registry.example:5000/mirror/ollama:v0.30.1', '0.30.1'],
    [`ollama/ollama:0.31.2@sha256:${'a'.repeat(64)}`, '0.31.2'],
  ])('is that of the image %s', (image, version) => {
    expect(ollamaOf({ images: { ollama: image } })[0]).toBe(version)
  })

  it('is what a setting says where the tag of an image is somebody’s own', () => {
    const images = { ollama: 'registry.example/ollama:company-7' }
    expect(ollamaOf({ images, ollamaVersion: '0.32.15' })).toEqual(['0.32.15', images.ollama])
    expect(refusalOf(() => parse({ images })).text).toMatch(
      /images\.ollama is "registry.example\/ollama:company-7"; allowed .*ollamaVersion/,
    )
    expect(versionOfImage(images.ollama)).toBeUndefined()
  })

  it('is not two versions', () => {
    const both = { images: { ollama: 'ollama/ollama:0.18.3' }, ollamaVersion: '0.32.15' }
    const { text } = refusalOf(() => parse(both))
    expect(text).toMatch(/ollamaVersion is "0\.32\.15"; allowed is 0\.18\.3/)
  })

  it.each([
    [{ ollamaVersion: '0.26.0' }, 'ollamaVersion is "0.26.0"'],
    [{ images: { ollama: 'ollama/ollama:0.33.0-rc2' } }, 'images.ollama is'],
    [{ ollamaVersion: 'newest' }, 'newest is not a version'],
  ])('is not %o, which is refused by name', (raw, told) => {
    const { text } = refusalOf(() => parse(raw))
    expect(text).toContain(told)
    expect(text).toContain('0.17.1 to 0.24, and 0.30 and newer')
  })

  it('stays what it was deployed with until a setting names another', () => {
    expect(ollamaOf({}, '0.18.2')).toEqual(['0.18.2', 'ollama/ollama:0.18.2'])
    expect(ollamaOf({ ollamaVersion: '0.32.15' }, '0.18.2')[0]).toBe('0.32.15')
  })

  it('is read from the record in its folder, and from none that is damaged', async () => {
    const home = await mkdtemp(join(tmpdir(), 'engine-'))
    const versionNow = () => parseSettings('dev', { home }, HOME).ollama.version
    await mkdir(dirname(versionRecordOf(home, 'ollama')))
    try {
      await writeFile(versionRecordOf(home, 'ollama'), '{"version":"0.18.2"}')
      expect(versionNow()).toBe('0.18.2')
      await writeFile(versionRecordOf(home, 'ollama'), '{"version":')
      expect(versionNow()).toBe(DEFAULT_OLLAMA)
    } finally {
      await rm(home, { recursive: true })
    }
  })
})

it('a version that no suite met is told of, and one that some did is not', () => {
  expect(neverRun('0.31.7')).toContain('0.31.7')
  expect(neverRun(DEFAULT_OLLAMA)).toBeUndefined()
})
