import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CONTAINER_OWNER_LABEL, volumeName } from '../../../infra/docker/docker-names.ts'
import { MiB } from '../../../infra/units.ts'
import { readOwner } from '../../../provision/ownership/home-owner.ts'
import { writeImage } from '../../support/cluster/image.ts'
import { noEngine, type RunningEngine, startEngine } from '../../support/docker/engine.ts'
import { provideImages } from '../../support/docker/images.ts'
import { makeDockerStack, partsOf } from '../../support/docker/stack.ts'
import type { TestStack } from '../../support/stack/test-stack.ts'

const NOBODY = 65_534

const stacks: TestStack[] = []
const makeStack = async (engine: { host: string }, settings: Record<string, unknown> = {}) => {
  const stack = await makeDockerStack(engine, settings)
  stacks.push(stack)
  return stack
}
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack.end()
})

describe('up of a stack of containers without Docker', () => {
  it('says where it looked, and what to do', async () => {
    const stack = await makeStack({ host: 'unix:///nowhere/docker.sock' })
    const { code, stderr } = await stack.run('up')
    expect({ code, stderr }).toMatchObject({ code: 3 })
    expect(stderr).toMatch(/no Docker Engine at unix:\/\/\/nowhere\/docker.sock: ENOENT/)
    expect(stderr).toContain('DOCKER_HOST')
  })

  it('can be planned all the same', async () => {
    const stack = await makeStack({ host: 'unix:///nowhere/docker.sock' })
    const { code, document } = await stack.json('plan')
    expect(code).toBe(0)
    const names = document.workloads.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['chroma', 'api']))
  })
})

/** In place of the server's program. */
const BROKEN = '#!/bin/sh\\necho this build is broken\\nexit 7\\n'

describe.skipIf(noEngine !== undefined)(
  `up of a stack of containers with bad input (${noEngine ?? 'real'})`,
  () => {
    let engine: RunningEngine
    beforeAll(async () => {
      engine = await startEngine()
      await provideImages(engine.docker)
    })
    afterAll(() => engine?.stop())

    const nothingRuns = async () => expect(await partsOf(engine)).toEqual({})

    it('names the group that a user without permission on the socket should be in', async () => {
      const socket = engine.host.replace('unix://', '')
      await chmod(join(socket, '..'), 0o755)
      const said = execFileSync(
        process.execPath,
        [join(import.meta.dirname, '../../support/docker/ask.ts')],
        {
          encoding: 'utf8',
          uid: NOBODY,
          gid: NOBODY,
          env: { ...process.env, DOCKER_HOST: engine.host },
        },
      )
      expect(said).toContain(`This user may not use the Docker Engine at ${engine.host}`)
      expect(said).toContain('usermod -aG docker')
    })

    it('names who holds a port, and starts nothing', async () => {
      const stack = await makeStack(engine)
      const server = createServer().listen(Number(stack.config.apiPort), '127.0.0.1')
      await once(server, 'listening')
      const { code, stderr } = await stack.run('up')
      server.close()
      expect({ code, stderr }).toMatchObject({ code: 3 })
      expect(stderr).toContain(`Port ${stack.config.apiPort}`)
      expect(stderr).toContain(`process ${process.pid}`)
      await nothingRuns()
    })

    it('names the server whose GPU Docker cannot give it', async () => {
      const stack = await makeStack(engine)
      const bin = join(stack.folder, 'bin')
      await mkdir(bin)
      // No machine of the tests has a GPU: this is where one would be seen.
      const answer = `case "$1" in *query-gpu*) echo 'GPU-1, NVIDIA L4, 23034, 22500';; esac`
      await writeFile(join(bin, 'nvidia-smi'), `#!/bin/sh\n${answer}\n`, { mode: 0o755 })
      stack.env.PATH = `${bin}:${stack.env.PATH}`
      const { code, stderr } = await stack.run('up')
      expect({ code, stderr }).toMatchObject({ code: 3 })
      expect(stderr).toMatch(
        /ollama-gpu is planned on 1 GPU, but the Docker Engine has no nvidia runtime/,
      )
      expect(stderr).toContain('nvidia-ctk')
      await nothingRuns()
    })

    it('names the image that is for another architecture', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'foreign-'))
      const layer = join(folder, 'layer.tar')
      await writeFile(join(folder, 'file'), 'x')
      execFileSync('tar', ['-C', folder, '-cf', layer, 'file'])
      const name = 'chromadb/chroma:1.5.9-foreign'
      const image = { name, layers: [layer], entrypoint: ['/file'], architecture: 'arm64' }
      await engine.docker.loadImage(await writeImage(folder, image))
      await rm(folder, { recursive: true })
      const stack = await makeStack(engine, { images: { chroma: name } })
      // The engine answers before it has read the whole archive.
      await expect
        .poll(() =>
          engine.docker
            .getImage(name)
            .inspect()
            .then(
              () => true,
              () => false,
            ),
        )
        .toBe(true)
      const { code, stderr } = await stack.run('up')
      expect({ code, stderr }).toMatchObject({ code: 3 })
      expect(stderr).toContain(
        `The image ${name} on this machine is for arm64; the machine is amd64`,
      )
      await nothingRuns()
    })

    it('names the image that cannot be pulled', async () => {
      const stack = await makeStack(engine, { images: { front: '127.0.0.1:9/front:1.0.0' } })
      const { code, stderr } = await stack.run('up')
      expect({ code, stderr }).toMatchObject({ code: 3 })
      expect(stderr).toContain('127.0.0.1:9/front:1.0.0')
      expect((await stack.run('down', '--purge', '--yes')).code).toBe(0)
      await nothingRuns()
    })

    it('names the server that does not come up, with the end of its log; with an image that does, it is up', async () => {
      const broken = await engine.docker.createContainer({
        Image: 'chromadb/chroma:1.5.9',
        Entrypoint: ['sh', '-c', `printf '${BROKEN}' >"$(command -v chroma)"`],
        Cmd: [],
      })
      await broken.start()
      await broken.wait()
      await broken.commit({ repo: 'chromadb/chroma', tag: '1.5.9-broken' })
      await broken.remove()
      const stack = await makeStack(engine, {
        images: { chroma: 'chromadb/chroma:1.5.9-broken' },
      })
      const { code, stderr } = await stack.run('up')
      expect({ code, stderr }).toMatchObject({ code: 3 })
      expect(stderr).toMatch(/chroma-0 .*image .*(ended|restarts)/)
      expect(stderr).toContain('this build is broken')
      stack.config.images = {}
      const up = await stack.json('up')
      expect({ code: up.code, verdict: up.document.verdict, stderr: up.stderr }).toMatchObject({
        code: 0,
        verdict: 'passed',
      })
      const { id } = (await readOwner(stack.home))!
      const { Volumes } = await engine.docker.listVolumes()
      expect(Volumes.map(({ Labels }) => Labels[CONTAINER_OWNER_LABEL])).toEqual([id, id])
      expect((await stack.run('down', '--purge', '--yes')).code).toBe(0)
      await nothingRuns()
    })

    it('says that the disk is full where it is', async () => {
      const part = 'ollama-cpu'
      const owner = 'of-this-volume'
      await engine.docker.createVolume({
        Name: volumeName('dev', part),
        DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: `size=${60 * MiB}` },
        Labels: { [CONTAINER_OWNER_LABEL]: owner },
      })
      const stack = await makeStack(engine)
      stack.env.KNOWLEDGE_STACK_OWNER = owner
      const { code, stderr } = await stack.run('up')
      expect({ code, stderr }).toMatchObject({ code: 3 })
      expect(stderr).toMatch(/The disk is full: (smollm2|all-minilm)/)
      expect((await stack.run('down', '--purge', '--yes')).code).toBe(0)
      await nothingRuns()
    })
  },
)
