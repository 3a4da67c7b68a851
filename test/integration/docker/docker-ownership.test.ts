import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type Docker from 'dockerode'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { INSTANCES_LABEL, SHARDS_LABEL, volumeName } from '../../../infra/docker/docker-names.ts'
import type { Failure } from '../../../infra/failure.ts'
import type { Owner } from '../../../infra/ownership/owner.ts'
import { PROJECT } from '../../../infra/project.ts'
import { localPaths, tokensOf } from '../../../infra/settings/home-paths.ts'
import { parseSettings, type Settings } from '../../../infra/settings/parse-settings.ts'
import {
  removeUnknownContainers,
  requireOwnPlaces,
} from '../../../provision/docker/docker-ownership.ts'
import { keepOwner } from '../../../provision/ownership/home-owner.ts'
import { docker as target } from '../../../provision/targets/docker-target.ts'
import { noEngine, type RunningEngine, startEngine } from '../../support/docker/engine.ts'
import { provideImages } from '../../support/docker/images.ts'
import { makeDockerStack } from '../../support/docker/stack.ts'
import { everythingOf, leaveContainer, stackLabels } from '../../support/docker/things.ts'
import type { TestStack } from '../../support/stack/test-stack.ts'

const OURS = 'our-id'
const THEIRS = 'their-id'
const CHROMA = volumeName('dev', 'chroma-0')

describe.skipIf(noEngine !== undefined)(
  `a Docker Engine that is shared (${noEngine ?? 'real'})`,
  () => {
    let engine: RunningEngine
    let docker: Docker
    let stack: TestStack
    let settings: Settings
    const outside = process.env.DOCKER_HOST

    beforeAll(async () => {
      engine = await startEngine()
      docker = engine.docker
      await provideImages(docker)
      process.env.DOCKER_HOST = engine.host
    })
    afterAll(async () => {
      if (outside === undefined) delete process.env.DOCKER_HOST
      else process.env.DOCKER_HOST = outside
      await engine?.stop()
    })
    beforeEach(async () => {
      stack = await makeDockerStack(engine)
      settings = parseSettings('dev', { target: 'docker', home: stack.home })
    })
    afterEach(async () => {
      await engine.clean()
      await stack.end()
    })

    const volume = (name: string, labels: Record<string, string> = {}) =>
      docker.createVolume({ Name: name, Labels: labels })
    const ownerOf = (more: Partial<Owner> = {}): Owner => ({
      project: PROJECT,
      stack: 'dev',
      id: OURS,
      older: false,
      adopted: [],
      ...more,
    })
    const nobody = () => false
    const claim = { id: OURS, older: false, knows: nobody, proves: nobody }
    const refusal = async (more: Partial<typeof claim> = {}): Promise<string | undefined> =>
      requireOwnPlaces(settings, { ...claim, ...more }).then(
        () => undefined,
        (failure: Failure) => `${failure.exitCode}: ${failure.message}`,
      )
    /** Makes the home folder one that an older version has deployed from. */
    const makeOlder = async (...files: string[]) => {
      const { state } = localPaths(stack.home)
      await mkdir(state, { recursive: true })
      const backend = pathToFileURL(join(state, 'pulumi')).href
      await writeFile(join(state, 'backend.json'), JSON.stringify({ backend }))
      for (const file of files) await writeFile(file, '{}')
    }

    it('has volumes under the stack’s names that it did not make: each is named, with its owner', async () => {
      await volume(CHROMA, stackLabels('chroma-0', THEIRS))
      await volume(volumeName('dev', 'ollama-cpu'))
      await volume(volumeName('dev', 'ollama-gpu-1'), stackLabels('ollama-gpu-1', OURS))
      await volume(volumeName('dev', 'notes'))
      await volume(volumeName('other', 'chroma-0'), stackLabels('chroma-0', THEIRS, 'other'))
      const said = await refusal()
      expect(said).toMatch(/^2: Stack dev /)
      expect(said).toContain(`volume ${CHROMA} (owner ${THEIRS})`)
      expect(said).toContain('volume knowledge-stack-dev-ollama-cpu')
      expect(said).not.toMatch(/volume \S*(notes|other|gpu)/)
    })

    it('has a volume under the stack’s name that says it is of a stack of another name: refused', async () => {
      await volume(CHROMA, stackLabels('chroma-0', undefined, 'other'))
      expect(await refusal({ proves: () => true })).toContain(CHROMA)
    })

    it('has containers of the stack’s name that are not its own: each is named, with its owner', async () => {
      await leaveContainer(docker, 'theirs', stackLabels('api', THEIRS))
      await leaveContainer(docker, 'older', stackLabels('ollama-cpu'))
      await leaveContainer(docker, 'ours', stackLabels('chroma-0', OURS))
      await leaveContainer(docker, 'elsewhere', stackLabels('api', THEIRS, 'other'))
      // A volume can be proven by the folder alone; a container may be of another older deployment of this name.
      const said = await refusal({ proves: () => true })
      expect(said).toMatch(/container theirs \(owner their-id\)/)
      expect(said).toMatch(/container older\b/)
      expect(said).not.toMatch(/container (ours|elsewhere)/)
    })

    it('gives back what an older version left of a killed update: by its network, and whom it is beside', async () => {
      await docker.createNetwork({ Name: 'known', Labels: stackLabels('network') })
      await docker.createNetwork({ Name: 'unknown', Labels: stackLabels('network') })
      const onNetwork = { NetworkMode: 'known' }
      const front = await leaveContainer(docker, 'front', stackLabels('api'), onNetwork)
      const beside = { NetworkMode: `container:${front}` }
      await leaveContainer(docker, 'server', stackLabels('chroma-0'), beside)
      const knows = (name: string) => name === 'known'
      const adopted = await requireOwnPlaces(settings, { ...claim, knows })
      expect(adopted.sort()).toEqual(['front', 'server'])
      await leaveContainer(docker, 'stranger', stackLabels('api'), { NetworkMode: 'unknown' })
      await removeUnknownContainers(settings, ownerOf({ older: true, adopted }), knows)
      const left = Object.keys(await everythingOf(docker))
      expect(left).toEqual(expect.arrayContaining(['container stranger', 'network known']))
      expect(left).not.toContain('container front')
      expect(left).not.toContain('container server')
    })

    it('loses of what the state does not know what is the stack’s, and nothing else', async () => {
      await docker.createNetwork({ Name: 'left', Labels: stackLabels('network', OURS) })
      await docker.createNetwork({ Name: 'used', Labels: stackLabels('network', OURS) })
      const known = await leaveContainer(docker, 'known', stackLabels('api', OURS))
      await leaveContainer(docker, 'by-name', stackLabels('api', OURS))
      await leaveContainer(docker, 'left', stackLabels('api', OURS))
      await volume(CHROMA, stackLabels('chroma-0', OURS))
      await leaveContainer(docker, 'theirs', stackLabels('api', THEIRS))
      await leaveContainer(docker, 'older', stackLabels('api'))
      const visitor = await leaveContainer(docker, 'visitor', {}, { NetworkMode: 'used' })
      await docker.getContainer(visitor).start()
      const before = await everythingOf(docker)
      await removeUnknownContainers(settings, ownerOf({ older: true }), name =>
        [known, 'by-name'].includes(name),
      )
      const { 'container left': _container, 'network left': _network, ...others } = before
      expect(await everythingOf(docker)).toEqual(others)
    })

    it('shows a stack what is its own, what it has not yet replaced of an older version too', async () => {
      for (const [name, owner] of [['ours', OURS], ['theirs', THEIRS], ['adopted'], ['older']]) {
        await leaveContainer(docker, name!, stackLabels(name!, owner))
      }
      const parts = async () => (await target.status(settings)).map(({ name }) => name)
      expect(await parts()).toEqual([])
      await keepOwner(stack.home, ownerOf({ adopted: ['adopted'] }))
      expect(await parts()).toEqual(['adopted', 'ours'])
      await keepOwner(stack.home, ownerOf({ id: undefined, older: true }))
      expect(await parts()).toEqual(['adopted', 'older'])
    })

    it('is no witness to another stack’s layout of data', async () => {
      await volume(CHROMA, { ...stackLabels('chroma-0', THEIRS), [SHARDS_LABEL]: '12' })
      expect(await target.dataLayout(settings)).toBeUndefined()
      process.env.KNOWLEDGE_STACK_OWNER = THEIRS
      expect(await target.dataLayout(settings)).toMatchObject({ shards: 12 })
      delete process.env.KNOWLEDGE_STACK_OWNER
    })

    it('names who has a volume that is to be purged', async () => {
      await volume(CHROMA, stackLabels('chroma-0', OURS))
      await leaveContainer(docker, 'backup', {}, { Binds: [`${CHROMA}:/data`] })
      await expect(target.purge(settings, ownerOf())).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringMatching(/chroma-0 cannot be deleted: the container backup has it/),
        mend: expect.stringContaining('docker rm -f backup'),
      })
    })

    it('tells how much a purge would delete', async () => {
      expect(await target.purgeable(settings, ownerOf())).toBe('')
      await volume(CHROMA, stackLabels('chroma-0', OURS))
      await volume(volumeName('dev', 'ollama-cpu'), stackLabels('ollama-cpu', THEIRS))
      expect(await target.purgeable(settings, ownerOf())).toMatch(
        /^the volumes knowledge-stack-dev-chroma-0 \(.*B\)$/,
      )
    })

    it('keeps for a stack that an older version took down what is in its volumes, and for no other', async () => {
      const layout = { [SHARDS_LABEL]: '10', [INSTANCES_LABEL]: '1' }
      await volume(CHROMA, { ...stackLabels('chroma-0'), ...layout })
      const isThere = async () => `volume ${CHROMA}` in (await everythingOf(docker))
      // From this folder it ran processes, and no containers.
      expect(await refusal({ proves: () => true })).toContain(`volume ${CHROMA}`)
      await target.purge(settings, ownerOf({ id: undefined, older: true }))
      expect(await isThere()).toBe(true)

      await makeOlder(tokensOf(stack.home))
      const taken = await stack.run('preview')
      expect({ code: taken.code, stderr: taken.stderr }).toMatchObject({ code: 0 })
      expect((await stack.run('down', '--purge', '--yes')).code).toBe(0)
      expect(await isThere()).toBe(false)
    })
  },
)
