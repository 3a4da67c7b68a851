import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Failure } from '../../../infra/failure.ts'
import { type ToolchainOptions, toolchainOptions } from '../../../provision/toolchain/options.ts'
import { obtainTool, type ToolName } from '../../../provision/toolchain/toolchain.ts'
import { freePort } from '../../support/servers/ports.ts'
import { saying } from '../../support/toolchain/vendor.ts'

let folder: string
let bin: string
let options: ToolchainOptions

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'toolchain-'))
  bin = join(folder, 'bin')
  await mkdir(bin)
  const nobody = `http://127.0.0.1:${await freePort()}`
  options = toolchainOptions({
    PATH: bin,
    KNOWLEDGE_STACK_CACHE: join(folder, 'cache'),
    KNOWLEDGE_STACK_PULUMI_URL: nobody,
    KNOWLEDGE_STACK_OLLAMA_URL: nobody,
  })
})

afterEach(() => rm(folder, { recursive: true }))

async function install(name: string, script: string, into = bin): Promise<void> {
  await mkdir(into, { recursive: true })
  await writeFile(join(into, name), script)
  await chmod(join(into, name), 0o755)
}

const task = { report: () => {}, signal: new AbortController().signal }
const obtain = (part: ToolName) => obtainTool(part, options, task)
const failureOf = async (part: ToolName): Promise<Failure> =>
  obtain(part).then(
    tool => expect.fail(`obtained ${tool.command}`),
    error => error,
  )

describe('a part on PATH', () => {
  it('is taken when it is the version that the stack names, and nothing is kept of it', async () => {
    options.versions.ollama = '0.18.2'
    await install('ollama', saying('Warning: client version is 0.18.2'))
    expect(await obtain('ollama')).toEqual({
      part: 'ollama',
      version: '0.18.2',
      command: [join(bin, 'ollama')],
      binFolders: [bin],
      origin: 'path',
      why: 'found on PATH',
    })
    expect(await readdir(folder)).toEqual(['bin'])
  })

  it.each<[ToolName, string, RegExp]>([
    [
      'ollama',
      'Warning: client version is 0.30.0',
      /bin\/ollama is 0\.30\.0, and this stack asks for 0\.17\.4: knowledge-stack:ollamaVersion 0\.30\.0/,
    ],
    ['pulumi', 'v3.100.0', /bin\/pulumi is 3\.100\.0, not >=3\.250\.0/],
    ['pulumi', 'hello', /bin\/pulumi does not say a version of Pulumi: hello/],
  ])('is not taken when %s answers "%s", and the reason is told', async (part, answer, reason) => {
    await install(part, saying(answer))
    expect((await failureOf(part)).message).toMatch(reason)
  })

  it('is asked for its own version, not for that of the server OLLAMA_HOST names', async () => {
    await install('ollama', `#!/bin/sh\n[ "$OLLAMA_HOST" = there:1 ] || echo version is 0.17.4\n`)
    options.env.OLLAMA_HOST = 'there:1'
    expect((await obtain('ollama')).version).toBe('0.17.4')
  })

  it('is not what npm put there for this project', async () => {
    const dependencies = join(folder, 'node_modules/.bin')
    await install('ollama', saying('Warning: client version is 0.17.4'), dependencies)
    options.env.PATH = dependencies
    expect((await failureOf('ollama')).message).toContain('ollama is not on PATH')
  })

  it('brings the folder of its language host when that lies elsewhere', async () => {
    const elsewhere = join(folder, 'elsewhere')
    await install('pulumi', saying('v3.251.0'))
    await install('pulumi-language-nodejs', saying(''), elsewhere)
    options.env.PATH = `${bin}:${elsewhere}`
    expect((await obtain('pulumi')).binFolders).toEqual([bin, elsewhere])
  })

  it('is not taken when it is a Pulumi without a language host', async () => {
    await install('pulumi', saying('v3.251.0'))
    expect((await failureOf('pulumi')).message).toContain('has no pulumi-language-nodejs')
  })
})

describe('a version that a stack names', () => {
  it('is not built from source, where only the default can be', async () => {
    options.versions.ollama = '0.32.15'
    const { message, mend } = await failureOf('ollama')
    expect(message).toMatch(/^Ollama 0\.32\.15 cannot be obtained:/)
    expect(message).toContain('Ollama 0.32.15 cannot be built from package registries; 0.17.4 can')
    expect(mend).toContain('install Ollama 0.32.15')
  })

  it('is told beside what is on PATH, also where the way was chosen before Ollama came to be there', async () => {
    const record = join(options.cache, 'tools/ollama-0.17.4.json')
    await mkdir(join(options.cache, 'tools/ollama-0.17.4-vendor/bin'), { recursive: true })
    await writeFile(record, '{"way":"vendor","refusals":[]}')
    expect((await obtain('ollama')).why).toBe("the vendor's own build; ollama is not on PATH")
    await install('ollama', saying('Warning: client version is 0.32.15'))
    const { why } = await obtain('ollama')
    expect(why).toContain('bin/ollama is 0.32.15, and this stack asks for 0.17.4')
    expect(why).not.toContain('not on PATH')
  })
})

describe('where no way serves', () => {
  it('each reason is told, and what mends the last', async () => {
    const failure = await failureOf('ollama')
    expect(failure.kind).toBe('unavailable')
    expect(failure.message).toMatch(
      /^Ollama 0\.17\.4 cannot be obtained:\n.*not on PATH\n.*ECONNREFUSED.*\n.*gcc is not on PATH/,
    )
    expect(failure.mend).toBe('apt-get install gcc g++')
  })

  it('a Go that is too old is named', async () => {
    await install('go', saying('go version go1.19.8 linux/amd64'))
    const failure = await failureOf('pulumi')
    expect(failure.message).toContain('go1.19.8 linux/amd64; Pulumi 3.250.0 needs 1.21.0 or newer')
    expect(failure.mend).toContain('golang')
  })

  it('what a compiler complained about is shown', async () => {
    await install(
      'go',
      '#!/bin/sh\n[ "$1" = version ] && echo go1.26.0 || { echo no disk; exit 2; }\n',
    )
    expect((await failureOf('pulumi')).message).toContain('exit code 2\nno disk')
  })

  it('a missing python3 is named, and a missing pip', async () => {
    options.offlineBuild = true
    const withoutPython = await failureOf('chroma')
    expect(withoutPython.message).toContain('python3 is not on PATH')
    expect(withoutPython.mend).toBe('apt-get install python3 python3-pip')

    await install('python3', '#!/bin/sh\necho "No module named pip" >&2\nexit 1\n')
    const withoutPip = await failureOf('chroma')
    expect(withoutPip.message).toContain('python3 has no pip')
    expect(withoutPip.mend).toContain('python3-pip')
  })

  it('a cache that cannot be written is named', async () => {
    await writeFile(join(folder, 'file'), '')
    options.cache = join(folder, 'file/cache')
    const failure = await failureOf('pulumi')
    expect(failure.message).toContain(`cannot write to the cache ${options.cache}`)
    expect(failure.mend).toContain('KNOWLEDGE_STACK_CACHE')
  })
})

describe('the offline build', () => {
  it('takes neither what is on PATH nor what the vendor has', async () => {
    await install('ollama', saying('Warning: client version is 0.17.4'))
    options.offlineBuild = true
    const { message } = await failureOf('ollama')
    expect(message.split('\n').slice(1)).toEqual([expect.stringContaining('gcc is not on PATH')])
  })
})
