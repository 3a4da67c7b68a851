import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { layoutOf } from '../../../infra/ownership/data-layout.ts'
import { DEFAULT_CHROMA } from '../../../infra/settings/chroma-version.ts'
import {
  layoutRecordOf,
  upgradeRecordOf,
  versionRecordOf,
} from '../../../infra/settings/home-paths.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { asksForOthers } from '../../../provision/upgrade/server-versions.ts'
import { requireUpgradeBegun } from '../../../provision/upgrade/upgrade-record.ts'
import { refusalOf } from '../../support/servers/refusal.ts'

describe('the Chroma of a stack', () => {
  let home: string
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'chroma-version-'))
    await mkdir(dirname(layoutRecordOf(home)), { recursive: true })
  })
  afterEach(() => rm(home, { recursive: true }))

  const parse = (raw: Record<string, unknown> = {}) =>
    parseSettings('docker', { target: 'docker', home, ...raw })
  const chromaOf = (raw: Record<string, unknown> = {}) => {
    const { chroma, configuredImages } = parse(raw)
    return [chroma.version, configuredImages.chroma]
  }
  const write = (file: string, content: object) => writeFile(file, JSON.stringify(content))
  const withData = () => write(layoutRecordOf(home), layoutOf(parse()))

  it('is the default where nothing says another, and the one that is set with its image', () => {
    expect(chromaOf()).toEqual([DEFAULT_CHROMA, `chromadb/chroma:${DEFAULT_CHROMA}`])
    expect(chromaOf({ chromaVersion: '1.5.8' })).toEqual(['1.5.8', 'chromadb/chroma:1.5.8'])
  })

  it('stays what it was deployed with until a setting names another', async () => {
    await write(versionRecordOf(home, 'chroma'), { version: '1.5.8', image: 'of another time' })
    expect(chromaOf()).toEqual(['1.5.8', 'chromadb/chroma:1.5.8'])
  })

  it.each([
    ['chromadb/chroma:1.5.8', '1.5.8'],
    ['registry.example/chroma:1.6.0-company-7', '1.6.0'],
    ['registry.example/chroma:company-7', DEFAULT_CHROMA],
  ])('is that of the image %s', (image, version) => {
    expect(chromaOf({ images: { chroma: image } })).toEqual([version, image])
  })

  it.each([
    [{ chromaVersion: '0.5.23' }, 'chromaVersion is "0.5.23"'],
    [{ images: { chroma: 'chromadb/chroma:0.4.15' } }, 'images.chroma is'],
    [{ chromaVersion: '1.5.7' }, 'older than all that this project ran against'],
    [{ chromaVersion: '2.0.0' }, 'major version'],
    [{ chromaVersion: '1.6.0-dev3' }, 'is not a release'],
    [{ chromaVersion: 'newest' }, 'is not a version'],
  ])('is not %o, which is refused by name', (raw, told) => {
    const { text, exitCode } = refusalOf(() => parse(raw))
    expect(text).toContain(told)
    expect(text).toContain('1.5.8 and newer 1.x')
    expect(exitCode).toBe(2)
  })

  it('is another one over data, and none where there is no data', async () => {
    const other = parse({ chromaVersion: '1.5.8' })
    expect(await asksForOthers(other)).toBe(false)
    await withData()
    expect(await asksForOthers(other)).toBe(true)
    expect(await asksForOthers(parse())).toBe(false)
  })

  it('is not another one because no image was recorded before', async () => {
    await withData()
    await write(versionRecordOf(home, 'ollama'), { version: '0.17.4' })
    const images = {
      chroma: 'registry.example/chroma:1.5.9',
      ollama: 'ollama/ollama:0.17.4-rocm',
    }
    expect(await asksForOthers(parse({ images }))).toBe(false)
    await write(versionRecordOf(home, 'chroma'), { version: '1.5.9', image: images.chroma })
    expect(await asksForOthers(parse({ images }))).toBe(false)
    expect(await asksForOthers(parse({ images: { ...images, chroma: 'a/chroma:1.5.9' } }))).toBe(
      true,
    )
  })

  it('is put under data by Pulumi’s own command only where what copies it has prepared that', async () => {
    await withData()
    const to = parse({ chromaVersion: '1.5.8' })
    const servers = (version: string) => ({
      chroma: { version, image: `chromadb/chroma:${version}` },
      ollama: { version: to.ollama.version, image: to.configuredImages.ollama },
    })
    const upgrade = {
      id: '0f5e4d3c-2b1a-4988-8776-655443322110',
      state: 'frozen',
      since: new Date().toISOString(),
      from: servers('1.5.9'),
      to: servers('1.5.8'),
      canGoBack: true,
    }
    await expect(requireUpgradeBegun(to)).rejects.toThrow(/is to run with other servers/)
    await write(upgradeRecordOf(home), { ...upgrade, isPrepared: false })
    await expect(requireUpgradeBegun(to)).rejects.toThrow(/is to run with other servers/)
    await write(upgradeRecordOf(home), { ...upgrade, isPrepared: true })
    await expect(requireUpgradeBegun(to)).resolves.toBeUndefined()
    const third = parse({ chromaVersion: '1.6.0' })
    await expect(requireUpgradeBegun(third)).rejects.toThrow(/is to run with other servers/)
    await expect(requireUpgradeBegun(parse())).resolves.toBeUndefined()
  })
})
