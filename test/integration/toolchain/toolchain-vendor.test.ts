import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Failure } from '../../../infra/failure.ts'
import { type ReleasedPart, releaseOf } from '../../../provision/toolchain/installers/release.ts'
import { type ToolchainOptions, toolchainOptions } from '../../../provision/toolchain/options.ts'
import { PINS } from '../../../provision/toolchain/pinned-tools.ts'
import { obtainTool, type ToolName } from '../../../provision/toolchain/toolchain.ts'
import { freePort } from '../../support/servers/ports.ts'
import { release, saying, startVendor, type Vendor } from '../../support/toolchain/vendor.ts'

const ANSWERS = {
  pulumi: `v${PINS.pulumi.version}`,
  ollama: `Warning: client version is ${PINS.ollama.version}`,
}

let folder: string
let vendor: Vendor
let options: ToolchainOptions

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'toolchain-'))
  vendor = await startVendor()
  options = {
    ...toolchainOptions({
      // Nothing else on PATH: no compilers, so what the vendor does not give cannot be obtained.
      PATH: join(folder, 'bin'),
      KNOWLEDGE_STACK_CACHE: join(folder, 'cache'),
      KNOWLEDGE_STACK_PULUMI_URL: vendor.url,
      KNOWLEDGE_STACK_OLLAMA_URL: vendor.url,
    }),
    stallAfter: 1000,
  }
  await releasePulumi()
})

afterEach(async () => {
  await vendor.stop()
  await rm(folder, { recursive: true })
})

const folderOf = (part: ReleasedPart) => `v${PINS[part].version}`
const archiveOf = (part: ReleasedPart) =>
  `${folderOf(part)}/${releaseOf(part, PINS[part].version, process.platform, process.arch)!.archive}`

async function releasePulumi(answer = ANSWERS.pulumi): Promise<void> {
  const { archive, checksums } = releaseOf(
    'pulumi',
    PINS.pulumi.version,
    process.platform,
    process.arch,
  )!
  await release(vendor, folderOf('pulumi'), archive, checksums, {
    'pulumi/pulumi': saying(answer),
    'pulumi/pulumi-language-nodejs': `${saying('')}# ${randomBytes(200_000).toString('hex')}`,
  })
}

async function obtain(part: ToolName, signal = new AbortController().signal, report = () => {}) {
  return obtainTool(part, options, { report, signal })
}

async function failureOf(part: ToolName): Promise<Failure> {
  return obtain(part).then(
    tool => expect.fail(`obtained ${tool.command}`),
    error => error,
  )
}

const rangesAskedFor = () =>
  vendor.requests.filter(({ path }) => !path.endsWith('.txt')).map(({ range }) => range)

describe("the vendor's own build", () => {
  it('is taken, checked and unpacked when nothing is on PATH', async () => {
    const tool = await obtain('pulumi')
    expect(tool).toMatchObject({ origin: 'vendor', version: PINS.pulumi.version })
    expect(tool.why).toBe("the vendor's own build; pulumi is not on PATH")
    expect(execFileSync(tool.command[0]!, { encoding: 'utf8' })).toBe(`${ANSWERS.pulumi}\n`)
    expect(await readdir(tool.binFolders[0]!)).toEqual(['pulumi', 'pulumi-language-nodejs'])
  })

  it('of Ollama comes as the release packs it', async () => {
    const { archive, checksums, into } = releaseOf(
      'ollama',
      PINS.ollama.version,
      process.platform,
      process.arch,
    )!
    const name = into === 'bin' ? 'ollama' : 'bin/ollama'
    const scripts = { [name]: saying(ANSWERS.ollama), 'lib/ollama/libggml.so': '' }
    await release(vendor, folderOf('ollama'), archive, checksums, scripts)
    const tool = await obtain('ollama')
    expect(tool).toMatchObject({ origin: 'vendor', version: PINS.ollama.version })
    expect(execFileSync(tool.command[0]!, { encoding: 'utf8' })).toBe(`${ANSWERS.ollama}\n`)
  })

  it('is there the next time without a word to the vendor, and for the same reason', async () => {
    const first = await obtain('pulumi')
    vendor.requests.length = 0
    expect(await obtain('pulumi')).toEqual(first)
    expect(vendor.requests).toEqual([])
  })

  it('gives way to a good one that the user puts on PATH, and comes back without it', async () => {
    const first = await obtain('pulumi')
    const bin = join(folder, 'bin')
    await symlink(first.binFolders[0]!, bin)
    expect(await obtain('pulumi')).toMatchObject({ origin: 'path', command: [join(bin, 'pulumi')] })
    await rm(bin)
    expect(await obtain('pulumi')).toEqual(first)
  })

  it('is loaded again when it was removed from the cache', async () => {
    const first = await obtain('pulumi')
    await rm(join(options.cache, 'tools', `pulumi-${PINS.pulumi.version}-vendor`), {
      recursive: true,
    })
    expect(await obtain('pulumi')).toEqual(first)
    expect(rangesAskedFor()).toHaveLength(2)
  })

  it('is loaded once when two ask for it at once', async () => {
    const [one, other] = await Promise.all([obtain('pulumi'), obtain('pulumi')])
    expect(one).toEqual(other)
    expect(rangesAskedFor()).toEqual([undefined])
  })

  it('leaves nothing but the tool behind', async () => {
    await obtain('pulumi')
    const { cache } = options
    expect(await readdir(join(cache, 'downloads'))).toEqual([])
    const version = PINS.pulumi.version
    expect(await readdir(join(cache, 'tools'))).toEqual([
      `pulumi-${version}-vendor`,
      `pulumi-${version}.json`,
    ])
  })
})

describe('a broken download', () => {
  const half = () => Math.ceil(vendor.files.get(archiveOf('pulumi'))!.length / 2)
  const part = () => join(options.cache, 'downloads', `pulumi-${PINS.pulumi.version}.part`)
  const loaded = () =>
    stat(part()).then(
      ({ size }) => size,
      () => 0,
    )

  it('goes on where it broke off', async () => {
    vendor.faults = ['stalls']
    options.stallAfter = 60_000
    const obtaining = obtain('pulumi')
    await expect.poll(loaded).toBe(half())
    vendor.breakOff()
    expect((await obtaining).origin).toBe('vendor')
    expect(rangesAskedFor()).toEqual([undefined, `bytes=${half()}-`])
  })

  it('goes on where it stalled', async () => {
    vendor.faults = ['stalls']
    expect((await obtain('pulumi')).origin).toBe('vendor')
    expect(rangesAskedFor()).toEqual([undefined, `bytes=${half()}-`])
  })

  it('is tried again when the server is busy', async () => {
    vendor.faults = ['unavailable']
    expect((await obtain('pulumi')).origin).toBe('vendor')
  })

  it('starts over when the server knows no Range', async () => {
    vendor.knowsRange = false
    vendor.faults = ['stalls']
    expect((await obtain('pulumi')).origin).toBe('vendor')
  })

  it('goes on with what a killed run left', async () => {
    await mkdir(join(options.cache, 'downloads'), { recursive: true })
    await writeFile(part(), vendor.files.get(archiveOf('pulumi'))!.subarray(0, 100))
    expect((await obtain('pulumi')).origin).toBe('vendor')
    expect(rangesAskedFor()).toEqual(['bytes=100-'])
  })

  it('starts over when what a killed run left is of another file', async () => {
    await mkdir(join(options.cache, 'downloads'), { recursive: true })
    await writeFile(part(), Buffer.alloc(100))
    expect((await obtain('pulumi')).origin).toBe('vendor')
    expect(rangesAskedFor()).toEqual(['bytes=100-', undefined])
  })

  it('ends at once when interrupted, and the next run goes on with it', async () => {
    const stop = new AbortController()
    vendor.faults = ['stalls']
    options.stallAfter = 60_000
    const interrupted = obtain('pulumi', stop.signal)
    await expect.poll(loaded).toBe(half())
    stop.abort(new Error('Ctrl-C'))
    await expect(interrupted).rejects.toThrow('Ctrl-C')
    expect((await obtain('pulumi')).origin).toBe('vendor')
    expect(rangesAskedFor()).toEqual([undefined, `bytes=${half()}-`])
  })
})

describe('a release that cannot be trusted or had', () => {
  const listOf = () => `${folderOf('pulumi')}/pulumi-${PINS.pulumi.version}-checksums.txt`

  const cases: [string, () => unknown, RegExp][] = [
    [
      'has another checksum',
      () => vendor.files.set(archiveOf('pulumi'), Buffer.from('tampered with')),
      /has sha256 [0-9a-f]{64}, its list of checksums says [0-9a-f]{64}/,
    ],
    ['has no list of checksums', () => vendor.files.delete(listOf()), /checksums.txt: .* 404/],
    [
      'is not in the list of checksums',
      () => vendor.files.set(listOf(), Buffer.from('\n')),
      /does not list pulumi-v/,
    ],
    ['is not there', () => vendor.files.delete(archiveOf('pulumi')), /\.tar\.gz: .* 404/],
    ['says another version', () => releasePulumi('v3.249.0'), /says it is 3\.249\.0/],
    [
      'stalls each time',
      () => {
        vendor.faults = Array(5).fill('stalls')
        options.stallAfter = 50
      },
      /stalled: nothing came for 50 ms/,
    ],
    [
      'is on a server that nobody reaches',
      async () => {
        options.releases.pulumi = `http://127.0.0.1:${await freePort()}`
      },
      /ECONNREFUSED/,
    ],
  ]

  it.each(cases)('is refused when it %s, and the next way is tried', async (_, damage, reason) => {
    await damage()
    const failure = await failureOf('pulumi')
    expect(failure).toMatchObject({ kind: 'unavailable' })
    expect(failure.message).toMatch(reason)
    expect(failure.message).toContain('go is not on PATH')
    expect(failure.mend).toContain('golang')
    expect(await readdir(join(options.cache, 'tools'))).toEqual([])
  })

  it('does not stand in the way of a good one later', async () => {
    vendor.files.set(archiveOf('pulumi'), Buffer.from('tampered with'))
    await failureOf('pulumi')
    await releasePulumi()
    expect((await obtain('pulumi')).origin).toBe('vendor')
  })
})
