import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  checksumOf,
  type ReleasedPart,
  releaseOf,
} from '../../../provision/toolchain/installers/release.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { PINS, type ToolName, versionProblem } from '../../../provision/toolchain/pinned-tools.ts'

describe('a version that is found', () => {
  it.each<[ToolName, string]>([
    ['pulumi', '3.250.0'],
    ['pulumi', '3.270.1'],
    ['ollama', '0.17.4'],
    ['chroma', '1.4.4'],
  ])('of %s is taken when it is %s', (part, version) => {
    expect(versionProblem(part, version)).toBeUndefined()
  })

  it.each<[ToolName, string]>([
    ['pulumi', '3.249.9'],
    ['pulumi', '4.0.0'],
    ['pulumi', '3.251.0-alpha.1'],
  ])('of %s is not taken when it is %s, with the range and the reason', (part, version) => {
    const { range, because } = PINS[part].accepts!
    expect(versionProblem(part, version)).toBe(`is ${version}, not ${range}: ${because}`)
  })

  it.each([
    ['1.4.3', '1.5.9', 'says 1.4.3, and this stack asks for 1.5.9, whose command line says 1.4.4'],
    ['1.9.0', '1.5.9', 'whose command line says 1.4.4'],
    ['1.4.4', '1.5.8', 'whose command line says 1.4.3'],
    ['1.4.4', '1.6.0', 'whose command line is not known here'],
  ])('of Chroma is not taken when it says %s and %s is wanted', (said, wanted, told) => {
    expect(versionProblem('chroma', said, { versions: { chroma: wanted } })).toContain(told)
  })

  it('of Chroma is told by what the command line of the wanted one says', () => {
    expect(versionProblem('chroma', '1.4.3', { versions: { chroma: '1.5.8' } })).toBeUndefined()
  })

  it('of Ollama is taken when it is the one that the stack names', () => {
    const versions = { ollama: '0.32.15' }
    expect(versionProblem('ollama', '0.32.15', { versions })).toBeUndefined()
    expect(versionProblem('ollama', '0.17.4', { versions })).toContain('asks for 0.32.15')
  })

  it.each([
    ['0.18.2', 'this stack asks for 0.17.4: knowledge-stack:ollamaVersion 0.18.2 would take it'],
    ['0.33.1', 'this stack asks for 0.17.4: knowledge-stack:ollamaVersion 0.33.1 would take it'],
    ['0.26.0', 'it lies between two engines'],
    ['0.16.2', 'it is too old'],
    ['0.33.0-rc2', 'it is not a release'],
    ['0.0.0', 'it is a build without a version'],
  ])('of Ollama is not taken when it is %s, by name and with what to do', (version, told) => {
    const problem = versionProblem('ollama', version)
    expect(problem).toMatch(new RegExp(`^is ${version}, and `))
    expect(problem).toContain(told)
  })

  it.each<[ToolName, string, string]>([
    ['pulumi', 'v3.250.0\n', '3.250.0'],
    ['ollama', 'Warning: could not connect\nWarning: client version is 0.17.4\n', '0.17.4'],
    ['chroma', 'chroma 1.4.4\n', '1.4.4'],
  ])('is read from what %s answers', (part, answer, version) => {
    expect(PINS[part].ask.answer.exec(answer)?.[1]).toBe(version)
  })
})

describe('a release', () => {
  it.each<[ReleasedPart, NodeJS.Platform, string, string]>([
    ['pulumi', 'linux', 'x64', 'pulumi-v3.250.0-linux-x64.tar.gz'],
    ['pulumi', 'darwin', 'arm64', 'pulumi-v3.250.0-darwin-arm64.tar.gz'],
    ['ollama', 'linux', 'x64', 'ollama-linux-amd64.tar.zst'],
    ['ollama', 'linux', 'arm64', 'ollama-linux-arm64.tar.zst'],
    ['ollama', 'darwin', 'arm64', 'ollama-darwin.tgz'],
  ])('of %s for %s on %s is %s', (part, platform, architecture, archive) => {
    expect(releaseOf(part, PINS[part].version, platform, architecture)).toMatchObject({ archive })
  })

  it.each<[ReleasedPart, NodeJS.Platform, string]>([
    ['pulumi', 'win32', 'x64'],
    ['ollama', 'linux', 'riscv64'],
  ])('of %s for %s on %s is not looked for', (part, platform, architecture) => {
    expect(releaseOf(part, PINS[part].version, platform, architecture)).toBeUndefined()
  })
})

describe('a list of checksums', () => {
  const sha256 = 'a'.repeat(64)
  const list = `${'b'.repeat(64)}  ./other.tgz\n${sha256}  NAME\n${'c'.repeat(64)}  x-file.tgz\n`

  it.each(['file.tgz', './file.tgz', '*file.tgz'])('is read when it says %s', name => {
    expect(checksumOf('file.tgz', list.replace('NAME', name))).toBe(sha256)
  })

  it('does not take a like name or a cut hash for the file', () => {
    expect(checksumOf('file.tgz', list)).toBeUndefined()
    expect(checksumOf('file.tgz', `${'a'.repeat(63)}  file.tgz`)).toBeUndefined()
  })
})

describe('the options', () => {
  it("keep everything in the user's cache folder by default", () => {
    expect(toolchainOptions({}).cache).toBe(join(homedir(), '.cache/knowledge-stack'))
    expect(toolchainOptions({ XDG_CACHE_HOME: '/caches' }).cache).toBe('/caches/knowledge-stack')
    expect(toolchainOptions({ KNOWLEDGE_STACK_CACHE: '/mine' }).cache).toBe('/mine')
  })

  it('take the way that the environment asks for', () => {
    expect(toolchainOptions({}).offlineBuild).toBe(false)
    expect(toolchainOptions({ KNOWLEDGE_STACK_OFFLINE_BUILD: '1' }).offlineBuild).toBe(true)
    expect(toolchainOptions({ KNOWLEDGE_STACK_OFFLINE_BUILD: '0' }).offlineBuild).toBe(false)
  })
})

describe('the pinned versions', () => {
  it.each([
    ['pulumi', `github.com/pulumi/pulumi/pkg/v3 v${PINS.pulumi.version}`],
    ['ollama', `github.com/ollama/ollama v${PINS.ollama.version}`],
  ])('are those that %s is built from', async (module, requirement) => {
    const root = join(import.meta.dirname, '../../../provision/toolchain/installers/go')
    const text = await readFile(join(root, module, 'go.mod'), 'utf8')
    expect(text).toContain(`\nrequire ${requirement}\n`)
  })

  it('give Pulumi an engine of the same version as the SDK', async () => {
    const root = join(import.meta.dirname, '../../../package.json')
    const { dependencies } = JSON.parse(await readFile(root, 'utf8'))
    expect(dependencies['@pulumi/pulumi']).toBe(PINS.pulumi.version)
  })

  it('would be taken themselves when found', () => {
    expect(versionProblem('pulumi', PINS.pulumi.version)).toBeUndefined()
    expect(versionProblem('ollama', PINS.ollama.version)).toBeUndefined()
  })
})
