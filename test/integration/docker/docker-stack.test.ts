import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ollama } from 'ollama'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONTAINER_OWNER_LABEL, volumeName } from '../../../infra/docker/docker-names.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import type { MadeSecrets } from '../../../infra/resources.ts'
import { chromaImage, DEFAULT_CHROMA } from '../../../infra/settings/chroma-version.ts'
import { localPaths, tokensOf } from '../../../infra/settings/home-paths.ts'
import { MiB } from '../../../infra/units.ts'
import { readOwner } from '../../../provision/ownership/home-owner.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { STORED } from '../../support/api/stored.ts'
import { bridgeOf, noEngine, type RunningEngine, startEngine } from '../../support/docker/engine.ts'
import {
  OTHER_CHROMA,
  provideImages,
  provideOtherChromas,
  SPOILING_CHROMA,
} from '../../support/docker/images.ts'
import { askInside, connectInside, startOnlooker } from '../../support/docker/node.ts'
import { Notes } from '../../support/docker/notes.ts'
import { makeDockerStack, partsOf } from '../../support/docker/stack.ts'
import { everythingOf, leaveContainer, stackLabels } from '../../support/docker/things.ts'
import { dockerSubject } from '../../support/interrupted/docker-subject.ts'
import { interruptOnTheWay } from '../../support/interrupted/interruptions.ts'
import { TEAM_MODEL } from '../../support/models/model-mirror.ts'
import {
  MODELS_HOST,
  type ModelsBehindProxy,
  modelsBehindProxy,
  PROXY_PASSWORD,
} from '../../support/models/models-behind-proxy.ts'
import { SEED } from '../../support/searches.ts'
import { embedAnew } from '../../support/stack/embed-anew.ts'
import { previousVersion } from '../../support/stack/previous-version.ts'
import { refusesWithoutRoom } from '../../support/stack/refuses-without-room.ts'
import type { TestStack } from '../../support/stack/test-stack.ts'
import { openssl } from '../../support/toolchain/own-ca.ts'

/** `npm run bench -- interrupted` does so at twenty, each by itself. */
const MOMENTS = 3
const ALL_PARTS = ['api', 'chroma-0', 'chroma-0-front', 'ollama-cpu', 'ollama-cpu-front']

describe.skipIf(noEngine !== undefined)(`a stack of containers (${noEngine ?? 'real'})`, () => {
  let engine: RunningEngine
  let stack: TestStack
  let notes: Notes
  let models: ModelsBehindProxy | undefined
  let foreign: Record<string, string>

  beforeAll(async () => {
    engine = await startEngine()
    await provideImages(engine.docker)
    await provideOtherChromas(engine.docker)
    // What others have on the Engine, under names and labels that look like the stack's.
    const theirs = stackLabels('network', 'somebody-else')
    await engine.docker.createNetwork({ Name: 'dev-network', Labels: theirs })
    await engine.docker.createVolume({ Name: volumeName('dev', 'notes') })
    await leaveContainer(engine.docker, 'dev-api', {})
    await leaveContainer(engine.docker, 'prod-api', stackLabels('api', undefined, 'prod'))
    foreign = await everythingOf(engine.docker)
    stack = await makeDockerStack(engine)
    // Certificates of this machine's own are not the stack's.
    for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']) {
      stack.env[name] = undefined
    }
    if (openssl === undefined) return
    // Kept, so that the image is built once for all runs.
    const folder = join(toolchainOptions(process.env).cache, 'test-models')
    models = await modelsBehindProxy({ folder, address: await bridgeOf(engine) })
  })
  afterAll(async () => {
    await engine?.stop()
    await models?.close()
    await stack?.end()
  })

  const readTokens = async (): Promise<MadeSecrets['tokens']> =>
    JSON.parse(await readFile(tokensOf(stack.home), 'utf8'))

  const ids = async (...parts: string[]) => {
    const containers = await partsOf(engine)
    return parts.map(part => containers[part]?.Id)
  }
  const chromaImageThere = async () => {
    const { Image } = (await partsOf(engine))['chroma-0']!
    return (await engine.docker.getImage(Image).inspect()).RepoTags[0]
  }
  const killed = async (part: string) => {
    const { State } = (await partsOf(engine))[part]!
    process.kill(State.Pid, 'SIGKILL')
  }

  it('is taken over from the version before, with its volumes and what is in them, every check green', async () => {
    stack.project = await previousVersion()
    const before = await stack.json('up')
    expect({ code: before.code, stderr: before.stderr }).toMatchObject({ code: 0 })
    const { token } = (await stack.json('token', '--service', '--minutes', '60')).document
    notes = new Notes(before.document.endpoints.api, token)
    await notes.write('older', () => notes.acknowledged.length > 0)
    const volumes = await volumesOf()
    expect(Object.keys(volumes)).toHaveLength(2)
    await leaveContainer(engine.docker, 'left', stackLabels('api'), {
      NetworkMode: await networkOf(),
    })

    stack.project = PROJECT_ROOT
    // Settings that the older version does not know.
    if (models !== undefined) {
      stack.config.httpsProxy = models.proxy.url
      stack.config.caCertificates = models.certificate
    }
    const { code, stderr, document } = await stack.json('up')
    expect({ code, stderr, verdict: document.verdict }).toMatchObject({
      code: 0,
      verdict: 'passed',
    })
    const verdicts = document.report.checks.map(({ verdict }: { verdict: string }) => verdict)
    expect(new Set(verdicts)).toEqual(new Set(['passed', 'skipped']))
    expect(Object.keys(await partsOf(engine))).toEqual(ALL_PARTS)
    expect(await volumesOf()).toEqual(volumes)
    expect(await notes.lost()).toEqual([])
    const owners = Object.values(await partsOf(engine)).map(
      ({ Config }) => Config.Labels[CONTAINER_OWNER_LABEL],
    )
    expect(new Set(owners)).toEqual(new Set([await ownerId()]))
  })

  it('is left alone by a second up, which removes what a killed one left, and says so', async () => {
    const before = await everythingOf(engine.docker)
    await leaveOne()
    const { code, document } = await stack.json('up')
    expect({ code, changed: document.changed }).toEqual({ code: 0, changed: false })
    expect(await everythingOf(engine.docker)).toEqual(before)
  })

  it.each([
    [{}, { replace: [], update: [] }],
    [
      { contextLength: 2048 },
      { replace: ['dev-api', 'dev-ollama-cpu'], update: ['smollm2:135m', 'verification'] },
    ],
    [{ creators: 100_000 }, { replace: [], update: ['dev-chroma-0'] }],
    [{ parallel: 2 }, { replace: ['dev-ollama-cpu'], update: ['verification'] }],
  ])(
    'is read back as it was made, and would have changed by %j no more than %j',
    async (changes, expected) => {
      const { config } = stack
      Object.assign(stack, { config: { ...config, ...changes } })
      const { code, document, stderr } = await stack.json('preview')
      Object.assign(stack, { config })
      expect({ code, stderr }).toMatchObject({ code: 0 })
      const named = (op: string) =>
        document.steps
          .filter((step: { op: string }) => step.op === op)
          .map(({ name }: { name: string }) => name)
          .sort()
      const others = document.steps.filter(({ op }: { op: string }) => !/replace|^update$/.test(op))
      expect({ replace: named('replace'), update: named('update'), others }).toEqual({
        ...expected,
        others: [],
      })
    },
  )

  it('is nobody else’s: a stack of this name from another home is refused and touches nothing of it', async () => {
    const before = await everythingOf(engine.docker)
    const owner = await ownerId()
    // Volumes of the version before carry no owner; this one is as those are that this version makes.
    const volume = volumeName('dev', 'ollama-gpu')
    await engine.docker.createVolume({ Name: volume, Labels: stackLabels('ollama-gpu', owner) })
    const another = await makeDockerStack(engine)
    const atPorts = { chromaPort: stack.config.chromaPort, apiPort: stack.config.apiPort }
    for (const [command, settings] of [
      ['preview', {}],
      ['up', atPorts],
    ] as const) {
      Object.assign(another.config, settings)
      const { code, stderr } = await another.run(command)
      expect({ code, stderr }).toMatchObject({ code: 2 })
      expect(stderr).toContain('volume knowledge-stack-dev-chroma-0')
      expect(stderr).toContain(`volume ${volume} (owner ${owner})`)
      expect(stderr).toMatch(new RegExp(`container dev-api-\\w+ \\(owner ${owner}\\)`))
    }
    expect((await another.json('status')).document.processes).toEqual([])
    expect((await another.run('down')).code).toBe(0)
    expect((await another.run('down', '--purge', '--yes')).code).toBe(0)
    await another.end()
    const { [`volume ${volume}`]: made, ...others } = await everythingOf(engine.docker)
    expect(made).toBeDefined()
    expect(others).toEqual(before)
    await notes.healthy()
  })

  it('is the same stack on a machine that has the state in Pulumi alone', async () => {
    const before = await everythingOf(engine.docker)
    const elsewhere = await makeDockerStack(engine)
    Object.assign(elsewhere.config, { ...stack.config, home: elsewhere.home })
    const { state } = localPaths(stack.home)
    elsewhere.env.PULUMI_BACKEND_URL = `file://${state}/pulumi`
    elsewhere.env.PULUMI_CONFIG_PASSPHRASE_FILE = `${state}/passphrase`
    const { code, stderr } = await elsewhere.run('preview')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    await elsewhere.end()
    expect(await everythingOf(engine.docker)).toEqual(before)
  })

  it('is shown by status and provisioned by models as any other stack', async () => {
    const { code, document } = await stack.json('status')
    expect({ code, state: document.state, servers: document.servers.length }).toEqual({
      code: 0,
      state: 'up',
      servers: 3,
    })
    expect(document.processes.map(({ name }: { name: string }) => name)).toEqual(ALL_PARTS)
    const states = document.processes.map(({ state }: { state: string }) => state)
    expect(new Set(states)).toEqual(new Set(['healthy']))
    expect((await stack.run('models')).code).toBe(0)
  })

  it('shows its secrets nowhere but in their files', async () => {
    const { chroma, ollama, provisioner } = await readTokens()
    const { stdout, stderr } = await stack.run('verify', '--stack', 'dev', '--json')
    const state = join(
      localPaths(stack.home).state,
      'pulumi/.pulumi/stacks/knowledge-stack/dev.json',
    )
    const shown = stdout + stderr + (await readFile(state, 'utf8'))
    for (const secret of [chroma, ollama, provisioner, PROXY_PASSWORD]) {
      expect(shown).not.toContain(secret)
    }
    const ollamaContainer = engine.docker.getContainer((await partsOf(engine))['ollama-cpu']!.Id)
    const log = await ollamaContainer.logs({ stdout: true, stderr: true, follow: false })
    expect(String(log)).not.toContain(PROXY_PASSWORD)
    expect(JSON.stringify(await partsOf(engine))).not.toContain(provisioner)
  })

  it('holds each server to what the plan gives it, and publishes nothing but loopback ports', async () => {
    const { document: plan } = await stack.json('plan')
    const parts = await partsOf(engine)
    const chroma = plan.workloads.find(({ name }: { name: string }) => name === 'chroma')
    const ollama = plan.workloads.find(({ name }: { name: string }) => name === 'ollama-cpu')
    const memoryOf = (part: string) => [
      parts[part]?.HostConfig.Memory,
      parts[part]?.HostConfig.MemorySwap,
    ]
    for (const [part, { server, front }] of [
      ['chroma-0', chroma],
      ['ollama-cpu', ollama],
    ] as const) {
      const limit = (bytes: number) => Math.ceil(bytes / MiB) * MiB
      expect(memoryOf(part)).toEqual(Array(2).fill(limit(server.limits.memory)))
      expect(memoryOf(`${part}-front`)).toEqual(Array(2).fill(limit(front.limits.memory)))
    }
    for (const { HostConfig } of Object.values(parts)) {
      const bindings = Object.values(HostConfig.PortBindings ?? {}) as { HostIp: string }[][]
      for (const { HostIp } of bindings.flat()) expect(HostIp).toBe('127.0.0.1')
      expect(HostConfig.CapDrop).toEqual(['ALL'])
    }
  })

  it('is warned of at a preview before its API is in clear beyond the machine', async () => {
    stack.config.apiAddress = '0.0.0.0'
    const { code, stderr } = await stack.run('preview')
    delete stack.config.apiAddress
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/WARNING: knowledge-stack:apiAddress is 0\.0\.0\.0.*TLS/),
    })
  })

  it('cannot be reached from another network, and past its auth proxies from nowhere', async () => {
    const parts = await partsOf(engine)
    const [network = ''] = Object.keys(parts.api!.NetworkSettings.Networks)
    const addressOf = (part: string) => parts[part]!.NetworkSettings.Networks[network]!.IPAddress
    const elsewhere = await engine.docker.createNetwork({ Name: 'elsewhere' })
    const outsider = await startOnlooker(engine.docker, 'elsewhere')
    const insider = await startOnlooker(engine.docker, network)
    try {
      for (const [part, front, server] of [
        ['chroma-0-front', 8000, 8001],
        ['ollama-cpu-front', 11_434, 11_435],
      ] as const) {
        const host = addressOf(part)
        const tries = [
          connectInside(outsider, host, front),
          connectInside(outsider, host, server),
          connectInside(insider, host, front),
          connectInside(insider, host, server),
        ]
        const [outsideFront, outsideServer, insideFront, insideServer] = await Promise.all(tries)
        expect(outsideFront).not.toBe('reached')
        expect(outsideServer).not.toBe('reached')
        expect(insideFront).toBe('reached')
        expect(insideServer).toBe('ECONNREFUSED')
      }
    } finally {
      await outsider.remove({ force: true })
      await insider.remove({ force: true })
      await elsewhere.remove()
    }
  })

  it('lets nobody on its network change models but who has the token of the provisioner', async () => {
    const tokens = await readTokens()
    const inside = engine.docker.getContainer((await partsOf(engine)).api!.Id)
    const ask = (method: string, path: string, token?: string) =>
      askInside(inside, { method, url: `http://ollama-cpu:11434/api/${path}`, token })
    for (const [method, path] of [
      ['POST', 'pull'],
      ['POST', 'create'],
      ['POST', 'push'],
      ['DELETE', 'delete'],
    ] as const) {
      expect(await ask(method, path)).toBe('401')
      expect(await ask(method, path, tokens.ollama)).toBe('403')
      // Ollama itself: no model has an empty name.
      expect(await ask(method, path, tokens.provisioner)).toMatch(/^(400|404|500)$/)
    }
  })

  it.skipIf(openssl === undefined)(
    'pulls models through the proxy of the settings, by the certificates of the settings',
    async () => {
      const { provisioner } = await readTokens()
      const headers = { authorization: `Bearer ${provisioner}` }
      const ollama = new Ollama({ host: `http://127.0.0.1:${stack.config.ollamaPort}`, headers })
      const model = `${MODELS_HOST}/library/nomic-embed-text:latest`
      expect(await ollama.pull({ model })).toMatchObject({ status: 'success' })
      await ollama.delete({ model })
      expect(models!.proxy.asked).toContain(`${MODELS_HOST}:443`)
    },
  )

  it('loses nothing acknowledged when Chroma is killed while it is written to', async () => {
    let over = false
    const writing = notes.write('killed', () => over)
    await sleep(2000)
    await killed('chroma-0')
    await sleep(2000)
    over = true
    await writing
    await notes.healthy()
    expect(notes.acknowledged.length).toBeGreaterThan(3)
    expect(await notes.lost()).toEqual([])
  })

  it.each(['ollama-cpu', 'api', 'chroma-0-front', 'ollama-cpu-front'])(
    'comes back by itself when %s is killed',
    async part => {
      const before = await ids(...ALL_PARTS)
      await killed(part)
      const server = part.replace('-front', '')
      const hasJoined = part !== server
      // Once with the auth proxy alone, once more when the server has followed it into its new namespace.
      const restarts = async () => (await partsOf(engine))[server]!.RestartCount
      const first = hasJoined ? await restarts() : -1
      while (hasJoined && (await restarts()) === first) await sleep(500)
      await notes.healthy()
      expect(await ids(...ALL_PARTS)).toEqual(before)
    },
  )

  it('has just what changed settings touch replaced, and its data with another Chroma too', async () => {
    const touched = ['chroma-0', 'ollama-cpu']
    const others = ALL_PARTS.filter(part => !touched.includes(part))
    const before = { others: await ids(...others), touched: await ids(...touched) }
    stack.config.parallel = 2
    stack.config.chromaVersion = OTHER_CHROMA
    const { code, stderr } = await stack.run('up')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(await ids(...others)).toEqual(before.others)
    for (const id of await ids(...touched)) expect(before.touched).not.toContain(id)
    expect(await chromaImageThere()).toBe(chromaImage(OTHER_CHROMA))
    expect(await notes.lost()).toEqual([])
  })

  it('has another Chroma taken back that spoils its data, and then one put in that does not', async () => {
    stack.config.chromaVersion = SPOILING_CHROMA
    const spoilt = await stack.run('up')
    expect({ code: spoilt.code, stderr: spoilt.stderr }).toMatchObject({ code: 1 })
    expect(spoilt.stderr).toContain('The upgrade was taken back')
    expect(await chromaImageThere()).toBe(chromaImage(OTHER_CHROMA))
    expect(await notes.lost()).toEqual([])

    stack.config.chromaVersion = DEFAULT_CHROMA
    let isOver = false
    const writing = notes.write('upgrade', () => isOver)
    const { code, stderr } = await stack.run('up')
    isOver = true
    await writing
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(notes.acknowledged.some(document => document.startsWith('upgrade'))).toBe(true)
    expect(await chromaImageThere()).toBe(chromaImage(DEFAULT_CHROMA))
    expect(await notes.lost()).toEqual([])
  })

  it('has keys and tokens changed by one command, which ends when the new ones count and the old ones do not', async () => {
    const token = async (...args: string[]) =>
      (await stack.run('token', ...args)).stdout.trim().split('\n').at(-1)!
    const ask = async (port: unknown, path: string, token: string) => {
      const headers = { authorization: `Bearer ${token}` }
      return (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).status
    }
    const metrics = (token: string) => ask(stack.config.apiPort, '/metrics', token)
    const change = async (...args: string[]) => {
      const { code, stderr, document } = await stack.json('token', ...args)
      expect({ code, stderr, counts: document.counts }).toMatchObject({ code: 0, counts: 'now' })
      return document
    }
    const kidOf = (token: string) =>
      JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid

    const older = await token('--monitor')
    const { token: newer } = await change('--rotate', '--monitor')
    expect(kidOf(newer)).not.toBe(kidOf(older))
    expect([await metrics(newer), await metrics(older)]).toEqual([200, 200])

    await change('--revoke', '--monitor')
    expect([await metrics(newer), await metrics(older)]).toEqual([401, 401])
    expect(await metrics(await token('--monitor'))).toBe(200)

    const before = await readTokens()
    await change('--rotate', '--servers')
    const now = await readTokens()
    for (const [port, path, name] of [
      [stack.config.chromaPort, '/api/v2/version', 'chroma'],
      [stack.config.ollamaPort, '/api/tags', 'ollama'],
      [stack.config.ollamaPort, '/api/tags', 'provisioner'],
    ] as const) {
      expect([name, await ask(port, path, now[name])]).toEqual([name, 200])
      expect([name, await ask(port, path, before[name])]).toEqual([name, 401])
    }
    await notes.healthy()
    expect(await notes.lost()).toEqual([])
  })

  it('is not moved where its disk has no room for two of it', () => refusesWithoutRoom(stack))

  it('has its data moved to other shards while it is written, and back by the line that its settings are refused with', async () => {
    let isMoved = false
    const moved = stack.run('reshard', '--shards', '12').finally(() => {
      isMoved = true
    })
    await notes.write('while it moves', () => isMoved)
    expect(await moved).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/in 12 shards.*set knowledge-stack:shards to 12/s),
    })
    const refused = await stack.run('up')
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/laid out for 12/) })
    expect(refused.stderr).toContain(
      `npm run reshard -- --stack dev --config-file ${stack.configFile} --shards 10`,
    )
    const { code, document, stderr } = await stack.json('reshard', '--shards', '10')
    expect({ code, document, stderr }).toMatchObject({
      code: 0,
      document: { generation: 3, shards: 10, up: { verdict: 'passed' } },
    })
    await notes.healthy()
    expect(await notes.lost()).toEqual([])
  })

  it('has its data saved in an archive, and back from there when it was deleted', async () => {
    const saved = await stack.json('backup', '--to', join(stack.folder, 'archives'))
    expect(saved).toMatchObject({ code: 0, document: { creators: 1, unsettled: 0 } })
    await notes.deleteAll()
    expect(await notes.lost()).toEqual(notes.acknowledged)
    const restored = await stack.json('restore', '--from', saved.document.archive)
    expect(restored).toMatchObject({
      code: 0,
      document: { written: saved.document.documents, records: saved.document.records },
    })
    expect(await notes.lost()).toEqual([])
  })

  it('is erased of a creator, in the volume too, without a server being stopped', async () => {
    const secret = 'What Grete has written down is for nobody else to read.'
    expect(STORED).toContain(await notes.putOf('grete', 'diary', secret))
    const inVolume = async () => {
      const chroma = engine.docker.getContainer((await ids('chroma-0'))[0]!)
      const tar = await buffer(await chroma.getArchive({ path: '/data' }))
      return tar.includes(secret)
    }
    expect(await inVolume()).toBe(true)
    const before = await everythingOf(engine.docker)
    const { code, document, stderr } = await stack.json('forget', '--creator', 'grete', '--yes')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(document).toMatchObject({
      creators: [{ creator: 'grete', chunks: 1 }],
      search: { things: 2, before: 2, after: 0 },
    })
    expect(await inVolume()).toBe(false)
    expect(await everythingOf(engine.docker)).toEqual(before)
    expect(await notes.lost()).toEqual([])
  })

  it('has it embedded by another model anew while it is written, and the model before is taken away', async () => {
    const { name, gguf } = TEAM_MODEL
    const folder = join(stack.folder, 'team')
    await mkdir(folder)
    await writeFile(join(folder, `${name}.gguf`), gguf())
    stack.config.models = {
      [name]: { role: 'embedding', sources: [{ kind: 'folder', path: folder }] },
    }
    let isOver = false
    const moved = embedAnew(stack, name, 4).finally(() => {
      isOver = true
    })
    await Promise.all([moved, notes.write('while it is embedded', () => isOver)])
    await notes.healthy()
    expect(await notes.lost()).toEqual([])
  })

  it('keeps volumes when it goes down', async () => {
    await leaveOne()
    const { code, stdout } = await stack.run('down')
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('stay') })
    expect(await partsOf(engine)).toEqual({})
  })

  it('has them and its models when it comes back, also where its up was killed or interrupted at any moment', async () => {
    delete stack.config.httpsProxy
    delete stack.config.caCertificates
    const { whole, interrupted, aftermaths } = await interruptOnTheWay(
      dockerSubject(stack, engine, notes),
      { seed: SEED, count: MOMENTS, report: console.log },
    )
    expect(whole.stderr).not.toMatch(/import/)
    expect(aftermaths.flatMap(({ faults }) => faults)).toEqual([])
    expect(interrupted).not.toEqual([])
    const { HostConfig, Config } = (await partsOf(engine))['ollama-cpu']!
    expect(HostConfig.ReadonlyRootfs).toBe(true)
    expect(Config.Env.join()).not.toMatch(/PROXY|SSL_CERT/)
  })

  it('is there again after the machine was switched off and on', async () => {
    await engine.reboot()
    const { code, stderr } = await stack.run('up')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(await notes.lost()).toEqual([])
  })

  it('is gone with all it had after down --purge', async () => {
    expect((await stack.run('down', '--purge', '--yes')).code).toBe(0)
    expect(await everythingOf(engine.docker)).toEqual(foreign)
  })

  const ownerId = async (): Promise<string> => (await readOwner(stack.home))!.id!

  /** The stack's volumes, by when they were made. */
  async function volumesOf() {
    const all = Object.entries(await everythingOf(engine.docker))
    return Object.fromEntries(
      all.filter(([name]) => name.startsWith('volume ') && foreign[name] === undefined),
    )
  }

  const networkOf = async (): Promise<string> => {
    const { api } = await partsOf(engine)
    return Object.keys(api!.NetworkSettings.Networks)[0]!
  }

  /** As a create does that waits for health and is killed: on the stack's network, running, not in Pulumi's state. */
  async function leaveOne(): Promise<void> {
    const labels = stackLabels('api', await ownerId())
    const network = { NetworkMode: await networkOf() }
    const id = await leaveContainer(engine.docker, 'left', labels, network)
    await engine.docker.getContainer(id).start()
  }
})
