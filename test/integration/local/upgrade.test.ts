import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { extract } from 'tar'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { COPY_FOLDER } from '../../../infra/servers/chroma-watchdog.ts'
import { localPaths, upgradeRecordOf, versionRecordOf } from '../../../infra/settings/home-paths.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { STORED } from '../../support/api/stored.ts'
import { type RunningCommand, TestStack } from '../../support/stack/test-stack.ts'

const [OLDER, NEWER] = ['1.5.8', '1.5.9'] as const
/** A version that there is none of: what the test takes for it spoils the data that it finds, and ends. */
const SPOILING = '1.5.10'

describe('another Chroma under the data of a stack of local processes', () => {
  let stack: TestStack
  let cache: string
  let authorization: string
  /** By document, the last text that was acknowledged; undefined where nobody knows. */
  const written = new Map<string, string | undefined>()
  let writing: { stop(): Promise<Map<number, number>> } | undefined

  beforeAll(async () => {
    stack = await TestStack.make({ shards: 5, instances: 2, chromaVersion: OLDER })
    cache = await cacheWithSpoiling()
    stack.env.KNOWLEDGE_STACK_CACHE = cache
    expect(await stack.run('up')).toMatchObject({ code: 0 })
    authorization = `Bearer ${(await stack.run('token', '--service')).stdout.trim()}`
    for (let at = 0; at < 20; at += 1) await put(`creator ${at}`, 'first', `text ${at}`)
  })
  afterEach(async () => {
    await writing?.stop()
    writing = undefined
  })
  afterAll(async () => {
    await stack?.end()
    await rm(cache, { recursive: true, force: true })
  })

  const api = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${stack.config.apiPort}/api/v1${path}`, {
      ...init,
      headers: { authorization, ...(init.body && { 'content-type': 'application/json' }) },
      signal: AbortSignal.timeout(10_000),
    })
  const pathOf = (creator: string, document: string) =>
    `/creators/${encodeURIComponent(creator)}/documents/${document}`

  async function put(creator: string, document: string, text: string): Promise<number> {
    const key = pathOf(creator, document)
    written.set(key, undefined)
    const answer = await api(key, { method: 'PUT', body: JSON.stringify({ text }) })
    if (answer.ok) written.set(key, text)
    return answer.status
  }

  /** Writes one document after another until it is stopped. @returns how often each status came; 0 for none */
  function write() {
    const statuses = new Map<number, number>()
    let isOver = false
    const loop = async () => {
      for (let at = 0; !isOver; at += 1) {
        const status = await put(`creator ${at % 20}`, `d${at % 3}`, `text ${at}`).catch(() => 0)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (!STORED.includes(status)) await new Promise(resolve => setTimeout(resolve, 50))
      }
    }
    const done = loop()
    const stop = async () => {
      isOver = true
      await done
      return statuses
    }
    return { stop }
  }

  async function requireAllThere(): Promise<void> {
    for (const [path, text] of written) {
      if (text === undefined) continue
      const answer = await api(path)
      const { chunks } = (await answer.json()) as { chunks?: { text: string }[] }
      expect({ path, status: answer.status, text: chunks?.map(({ text }) => text) }).toEqual({
        path,
        status: 200,
        text: [text],
      })
    }
  }

  const runs = async () => {
    const command = await readFile(`/proc/${await stack.pid('chroma-0')}/cmdline`, 'utf8')
    return /KNOWLEDGE_CHROMA_SERVER=(\S+)/.exec(command)?.[1]
  }
  const left = async () => {
    const { chroma } = localPaths(stack.home)
    const files = [...(await readdir(chroma(0))), ...(await readdir(chroma(1)))]
    const state = await readdir(localPaths(stack.home).state)
    return [
      ...files.filter(name => name === COPY_FOLDER),
      ...state.filter(name => name === 'upgrade.json'),
    ]
  }
  const recorded = async () =>
    JSON.parse(await readFile(versionRecordOf(stack.home, 'chroma'), 'utf8')).version

  it.each([NEWER, OLDER])(
    'is put there by up, which copies the data and refuses writes until it is verified: %s',
    async version => {
      stack.config.chromaVersion = version
      writing = write()
      const { code, stderr, document } = await stack.json('up')
      const statuses = await writing.stop()
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(document).toMatchObject({ verdict: 'passed', changed: true })
      expect(stderr).toContain(
        `→ ${version}: until the new servers are verified, nothing is written`,
      )
      expect(STORED.some(status => statuses.has(status))).toBe(true)
      expect(statuses.get(503)).toBeGreaterThan(0)
      expect([...statuses.keys()].filter(status => ![0, ...STORED, 503].includes(status))).toEqual(
        [],
      )
      expect([await runs(), await recorded()]).toEqual([version, version])
      expect(await left()).toEqual([])
      await requireAllThere()
      expect(STORED).toContain(await put('creator 1', 'after', version))
    },
  )

  it('is taken back by itself where it does not start, with the data as it was when it began', async () => {
    stack.config.chromaVersion = SPOILING
    writing = write()
    const { code, stderr } = await stack.run('up')
    const statuses = await writing.stop()
    expect({ code, stderr }).toMatchObject({ code: 1 })
    expect(stderr).toContain('The upgrade was taken back')
    expect(stderr).toContain('spoiled what was there')
    expect(stderr).toContain(`knowledge-stack:chromaVersion ${OLDER}`)
    expect(statuses.get(503)).toBeGreaterThan(0)
    expect([await runs(), await recorded()]).toEqual([OLDER, OLDER])
    expect(await left()).toEqual([])
    await requireAllThere()
    expect(STORED).toContain(await put('creator 1', 'after', 'taken back'))
  })

  it.each(['freeze', 'copy', 'pulumi up', 'verify', 'data', 'thaw'])(
    'goes on with the next up where it was killed in the step %s',
    async step => {
      const to = (await recorded()) === OLDER ? NEWER : OLDER
      stack.config.chromaVersion = step === 'data' ? SPOILING : to
      const killed = await stack.start(['up'])
      await killAt(killed, step)
      // As after the machine was switched off.
      if (step === 'copy' || step === 'verify') await endServers()
      writing = write()
      stack.config.chromaVersion = to
      let { code, stderr } = await stack.run('up')
      if (step === 'data') {
        expect((await stack.json('status')).document.upgrade).toMatchObject({ state: 'frozen' })
        for (const command of [
          ['down'],
          ['doctor', '--fix'],
          ['forget', '--creator', 'a', '--yes'],
        ]) {
          const refused = await stack.run(...command)
          expect({ command, ...refused }).toMatchObject({ code: 1 })
          expect(refused.stderr).toContain('was interrupted (Chroma')
        }
        // The settings ask for neither end: that is refused, with both.
        expect({ code, stderr }).toMatchObject({ code: 2 })
        expect(stderr).toContain('in the middle of an upgrade')
        stack.config.chromaVersion = await recordedFrom()
        ;({ code, stderr } = await stack.run('up'))
      }
      await writing.stop()
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(await left()).toEqual([])
      await requireAllThere()
      expect(STORED).toContain(await put('creator 1', 'after', step))
    },
  )

  const endServers = async () => {
    for (const name of ['api', 'chroma-0', 'chroma-1', 'ollama']) {
      process.kill(-(await stack.pid(name)), 'SIGKILL')
    }
  }

  const recordedFrom = async () =>
    JSON.parse(await readFile(upgradeRecordOf(stack.home), 'utf8')).from.chroma.version

  /** Once the step before has ended, the next is under way. */
  async function killAt(running: RunningCommand, step: string): Promise<void> {
    const order = ['freeze', 'copy', 'pulumi up', 'verify', 'thaw']
    const before = step === 'data' ? undefined : order[order.indexOf(step) - 1]
    if (step === 'data') await running.said(/The servers of before are put in place again/)
    else if (before === undefined) await running.said(/nothing is written/)
    else await running.said(new RegExp(`✔ ${before}`))
    running.child.kill('SIGKILL')
    await running.ended
  }

  it('is put there where the stack does not run, and where it cannot any more', async () => {
    const cannot = join(stack.env.KNOWLEDGE_STACK_CACHE!, 'python', `chromadb-${OLDER}`)
    const is = await recorded()
    for (const version of is === OLDER ? [NEWER] : [OLDER, NEWER]) {
      await endServers()
      // What ran before cannot be started any more.
      if (version === NEWER) await replaceByNothing(cannot)
      stack.config.chromaVersion = version
      const { code, stderr } = await stack.run('up')
      expect({ version, code, stderr }).toMatchObject({ code: 0 })
      expect(stderr).toContain('The stack does not run')
      if (version === NEWER) expect(stderr).toContain('There is nothing to go back to')
      expect(await left()).toEqual([])
    }
    await requireAllThere()
  })

  it('is not put under data of Chroma 0.4, which stays as it is, and is told what to do', async () => {
    expect(await stack.run('down')).toMatchObject({ code: 0 })
    const folder = localPaths(stack.home).chroma(0)
    await rm(folder, { recursive: true })
    await mkdir(folder)
    const file = join(import.meta.dirname, '../../support/chroma-0/chroma-0.4.15.tar.gz')
    await extract({ file, cwd: folder })
    const before = await readFile(join(folder, 'chroma.sqlite3'))
    const { code, stderr } = await stack.run('up')
    expect({ code, stderr }).toMatchObject({ code: 3 })
    expect(stderr).toContain('has data of Chroma 0.4 to 0.6')
    expect(stderr).toContain('Move it away')
    expect(before.equals(await readFile(join(folder, 'chroma.sqlite3')))).toBe(true)
  })
})

/** The cache of the toolchain, with a Chroma of a version that there is none of. */
async function cacheWithSpoiling(): Promise<string> {
  const { cache } = toolchainOptions(process.env)
  const folder = await mkdtemp(join(tmpdir(), 'cache-'))
  await linkAll(cache, folder, name => name !== 'python')
  await mkdir(join(folder, 'python'))
  await linkAll(join(cache, 'python'), join(folder, 'python'), () => true)
  const spoiling = join(folder, 'python', `chromadb-${SPOILING}`)
  await mkdir(spoiling)
  await writeFile(
    join(spoiling, 'chromadb_rust_bindings.py'),
    `import glob, os, re, shutil, sys

def cli(arguments):
    folder = re.search(r"persist_path: (\\S+)", open(arguments[-1]).read()).group(1)
    for path in glob.glob(folder + "/*-*-*-*-*"):
        shutil.rmtree(path)
    with open(folder + "/chroma.sqlite3", "r+b") as database:
        database.seek(8192)
        database.write(os.urandom(65536))
    sys.exit("chroma ${SPOILING} spoiled what was there")
`,
  )
  return folder
}

/** In place of a link to a version that runs. */
async function replaceByNothing(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  await writeFile(join(folder, 'chromadb_rust_bindings.py'), 'raise SystemExit("gone")\n')
}

async function linkAll(from: string, to: string, isLinked: (name: string) => boolean) {
  for (const name of (await readdir(from)).filter(isLinked)) {
    await symlink(join(from, name), join(to, name))
  }
}
