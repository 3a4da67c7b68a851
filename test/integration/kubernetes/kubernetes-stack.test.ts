import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { deployedStack } from '../../../provision/deployed.ts'
import { Steps } from '../../../provision/steps/steps.ts'
import { startS3 } from '../../support/archive/s3-server.ts'
import type { KubeObject } from '../../support/cluster/api.ts'
import { askFromPod, pollFromPod } from '../../support/cluster/ask-from-pod.ts'
import { stackImages } from '../../support/cluster/images.ts'
import { type RealCluster, startRealCluster } from '../../support/cluster/node.ts'
import { localVolumes } from '../../support/cluster/volumes.ts'
import { waitFor } from '../../support/cluster/wait.ts'
import { OTHER_CHROMA, SPOILING_CHROMA } from '../../support/docker/images.ts'
import { clusterStack } from '../../support/kubernetes/cluster-stack.ts'
import { startModelMirror, TEAM_MODEL } from '../../support/models/model-mirror.ts'
import { MAY_CHANGE_SYSTEM } from '../../support/servers/debian.ts'
import { embedAnew } from '../../support/stack/embed-anew.ts'
import { refusesWithoutRoom } from '../../support/stack/refuses-without-room.ts'
import type { TestStack } from '../../support/stack/test-stack.ts'

const NAMESPACE = 'tenants'
const DIMENSION = 384
const SETTINGS = {
  creators: 1000,
  pullDeadlineMinutes: 5,
  kubernetes: { namespace: NAMESPACE, replicas: { api: 2 } },
}

describe.skipIf(!MAY_CHANGE_SYSTEM)(
  'a stack on a real cluster of one node (needs KNOWLEDGE_STACK_TEST_SYSTEM=1 and root)',
  () => {
    let archives: string
    let cluster: RealCluster
    let mirror: Awaited<ReturnType<typeof startModelMirror>>
    let stack: TestStack
    let deployment: ConnectedDeployment
    let outputs: Outputs
    let provisioner: string | undefined
    let creator: Creator

    beforeAll(async () => {
      archives = await mkdtemp(join(tmpdir(), 'images-'))
      const images = stackImages(archives)
      // Told once the cluster is there.
      images.catch(() => undefined)
      cluster = await startRealCluster()
      await cluster.load(await images)
      await localVolumes(cluster, 4)
      mirror = await startModelMirror(cluster.gateway)
      stack = await clusterStack(cluster.kubeconfig, { ...SETTINGS, modelMirror: mirror.address })
      vi.stubEnv('KUBECONFIG', cluster.kubeconfig)
    })
    afterAll(async () => {
      await deployment?.close()
      await mirror?.stop()
      await cluster?.stop()
      await stack?.end()
      await rm(archives, { recursive: true })
      vi.unstubAllEnvs()
    })

    const pods = async (prefix: string): Promise<KubeObject[]> =>
      (await cluster.api.list('v1', 'Pod')).filter(
        ({ metadata }) => metadata.namespace === NAMESPACE && metadata.name.startsWith(prefix),
      )
    const isReady = ({ status }: KubeObject): boolean =>
      status.conditions?.some(
        ({ type, status }: { type: string; status: string }) =>
          type === 'Ready' && status === 'True',
      )
    const logOf = async (pod: string, container: string) =>
      String(
        await cluster.api.request(
          'GET',
          `/api/v1/namespaces/${NAMESPACE}/pods/${pod}/log?container=${container}`,
        ),
      )
    const readyAgain = (name: string, uid: string) =>
      waitFor(`${name} to be ready again`, async () => {
        const [pod] = await pods(name)
        return pod !== undefined && pod.metadata.uid !== uid && isReady(pod)
      })
    const write = (id: string) =>
      creator.upsert([{ id, chunks: [{ text: id, vector: vectorFor(id, DIMENSION) }] }])
    const written = async () => (await creator.get()).map(({ document }) => document).sort()
    /** As the checks see it from outside of the cluster. */
    const verifies = async () => {
      const { code, document, stderr } = await stack.json('verify', '--stack', 'dev')
      expect({ code, stderr, document }).toMatchObject({ code: 0 })
    }

    it('comes up from nothing: models pulled by the pods, verified by a Job and from outside', async () => {
      const { code, stderr } = await stack.run('up')
      expect({ code, stderr }).toMatchObject({ code: 0 })
      const [job] = await cluster.api.list('batch/v1', 'Job')
      expect(job?.status).toMatchObject({ succeeded: 1 })
      expect(await logOf('ollama-cpu-0', 'keeper')).toContain('obtained')
      await openStack()
      await write('before')
    })

    /** As its outputs say now. */
    async function openStack() {
      const options = { stack: 'dev', configFile: stack.configFile }
      const { signal } = new AbortController()
      const deployed = await deployedStack(options, new Steps(signal))
      outputs = deployed.outputs
      provisioner = deployed.token
      await deployment?.close()
      deployment = await openDeployment(outputs)
      creator = deployment.knowledge().creator('a creator')
    }

    it('has its servers come back when their pods are deleted, with all that was there', async () => {
      const names = ['chroma-0', 'ollama-cpu-0']
      for (const name of names) await write(name)
      const known = await written()
      expect(known).toEqual(expect.arrayContaining(names))
      const deleted = (await Promise.all(names.map(pods))).flat()
      expect(deleted.map(({ metadata }) => metadata.name)).toEqual(names)
      await Promise.all(deleted.map(pod => cluster.api.delete(pod)))
      await Promise.all(deleted.map(({ metadata }) => readyAgain(metadata.name, metadata.uid)))
      expect(await written()).toEqual(known)
      await verifies()
    })

    it('pulls nothing again that its volume holds', async () => {
      const log = await logOf('ollama-cpu-0', 'keeper')
      expect(log).toMatch(/all-minilm.*there/)
      expect(log).not.toContain('obtained')
    })

    it('runs on while the kubelet is restarted', async () => {
      const before = await pods('')
      await write('while the kubelet was away')
      await cluster.restartKubelet()
      await waitFor('all to be ready', async () =>
        (await pods('')).every(pod => isReady(pod) || pod.status.phase === 'Succeeded'),
      )
      const uids = (all: KubeObject[]) => all.map(({ metadata }) => metadata.uid).sort()
      expect(uids(await pods(''))).toEqual(uids(before))
      // From outside the store is reached by way of the kubelet.
      await waitFor('what was written to be read', async () =>
        (await written().catch((): string[] => [])).includes('while the kubelet was away'),
      )
    })

    const CHROMA = `http://chroma-0.chroma-pods.${NAMESPACE}.svc:8080`
    const OLLAMA = `http://ollama-cpu.${NAMESPACE}.svc:8080`
    const ROUTES = [
      ['GET', `${OLLAMA}/`, 'all'],
      ['GET', `${OLLAMA}/api/tags`, 'application, provisioner'],
      ['POST', `${OLLAMA}/api/embed`, 'application, provisioner'],
      ['POST', `${OLLAMA}/api/pull`, 'provisioner'],
      ['POST', `${OLLAMA}/api/create`, 'provisioner'],
      ['POST', `${OLLAMA}/api/push`, 'provisioner'],
      ['DELETE', `${OLLAMA}/api/delete`, 'provisioner'],
      ['GET', `${CHROMA}/api/v2/heartbeat`, 'all'],
      ['GET', `${CHROMA}/api/v2/version`, 'application'],
      ['GET', `${CHROMA}/api/v2/tenants/default_tenant/databases`, 'application'],
      ['POST', `${CHROMA}/api/v2/reset`, 'nobody'],
    ] as const
    /** By route, whether it lets one through without a token, the application and the provisioner: of one pod. */
    let passed: Promise<boolean[][]> | undefined
    async function askRoutes() {
      const requests = ROUTES.flatMap(([method, url]) => {
        const reach = url.startsWith(CHROMA)
          ? outputs.chroma.instances[0]!.reach
          : outputs.ollama[0].reach
        const tokens = [undefined, (reach as { token?: string }).token, provisioner]
        return tokens.map(token => ({ method, url, token }))
      })
      const statuses = await askFromPod(cluster, NAMESPACE, requests)
      const allowed = statuses.map(status => status !== 401 && status !== 403)
      return ROUTES.map((_, index) => allowed.slice(3 * index, 3 * index + 3))
    }
    it.each(ROUTES)(
      'lets through its auth proxy from another pod: %s %s: %s',
      async (method, url, callers) => {
        passed ??= askRoutes()
        const route = ROUTES.findIndex(([verb, at]) => verb === method && at === url)
        const named = (caller: string) => callers === 'all' || callers.includes(caller)
        expect((await passed)[route]).toEqual([
          callers === 'all',
          named('application'),
          named('provisioner'),
        ])
      },
    )

    it('answers at full context within the memory of the plan', async () => {
      const { contextLength = 0 } = deployment.inference.model('chat')
      const content = 'word '.repeat(contextLength)
      await deployment.inference.chat([{ role: 'user', content }], { maxTokens: 8 })
      const [pod] = await pods('ollama-cpu-0')
      for (const { name, restartCount } of pod!.status.containerStatuses) {
        expect({ name, restartCount }).toEqual({ name, restartCount: 0 })
      }
    })

    it('keeps its API answering while that is rolled out anew', async () => {
      const before = (await pods('api-')).map(({ metadata }) => metadata.uid)
      const stop = await pollFromPod(
        cluster,
        NAMESPACE,
        `http://api.${NAMESPACE}.svc:${stack.config.apiPort}/openapi.json`,
      )
      stack.config.maxConnectionsPerInstance = 12
      const { code, stderr } = await stack.run('up')
      const answers = await stop()
      expect({ code, stderr }).toMatchObject({ code: 0 })
      const after = (await pods('api-')).map(({ metadata }) => metadata.uid)
      expect(after.filter(uid => before.includes(uid))).toEqual([])
      expect(new Set(answers)).toEqual(new Set(['200']))
    })

    it('has keys and tokens changed by one command, which ends when all pods take the new ones and no old ones', async () => {
      const statuses = (asked: [url: string, token: string | undefined][]) =>
        askFromPod(
          cluster,
          NAMESPACE,
          asked.map(([url, token]) => ({ method: 'GET', url, token })),
        )
      const metrics = `http://api.${NAMESPACE}.svc:${stack.config.apiPort}/metrics`
      const change = async (...args: string[]) => {
        const { code, stderr, document } = await stack.json('token', ...args)
        expect({ code, stderr, counts: document.counts }).toMatchObject({ code: 0, counts: 'now' })
      }
      const older = (await stack.run('token', '--monitor')).stdout.trim()
      await change('--revoke', '--all')
      const newer = (await stack.run('token', '--monitor')).stdout.trim()
      expect(
        await statuses([
          [metrics, older],
          [metrics, newer],
          [metrics, undefined],
        ]),
      ).toEqual([401, 200, 401])

      const tokensOf = ({ chroma, ollama }: Outputs) =>
        [chroma.instances[0], ollama[0]].map(({ reach }) => reach.token)
      const known = await written()
      const before = tokensOf(outputs)
      await change('--rotate', '--servers')
      await openStack()
      const asked = (tokens: (string | undefined)[]) =>
        statuses([
          [`${CHROMA}/api/v2/version`, tokens[0]],
          [`${OLLAMA}/api/tags`, tokens[1]],
        ])
      expect(await asked(before)).toEqual([401, 401])
      expect(await asked(tokensOf(outputs))).toEqual([200, 200])
      expect(await written()).toEqual(known)
    })

    /** With other settings. */
    async function upWith(settings: Record<string, unknown>) {
      const { config } = stack
      Object.assign(stack, { config: { ...config, ...settings } })
      const ended = await stack.run('up')
      Object.assign(stack, { config })
      expect(ended.stderr).not.toMatch(/^ +at /m)
      return ended
    }

    it('is not ready with a model that does not exist, and up ends with the reason', async () => {
      const { code, stderr } = await upWith({ chatModel: 'qwen3:0.6b' })
      expect({ code, stderr }).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/Container keeper of pod ollama-cpu-0: .*qwen3:0\.6b/),
      })
      expect((await pods('ollama-cpu-0')).map(isReady)).toEqual([false])
      expect(await logOf('ollama-cpu-0', 'keeper')).toMatch(/qwen3:0\.6b/)
    })

    it('is mended by up when its settings are right again', async () => {
      expect(await stack.run('up')).toMatchObject({ code: 0 })
      await verifies()
    })

    it('has the image of before again where another cannot be pulled, and up ends with the reason', async () => {
      const images = { ollama: 'registry.invalid/ollama:0.17.4' }
      const { code, stderr } = await upWith({ images })
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /Container ollama of pod ollama-cpu-0: its image registry\.invalid\/ollama:0\.17\.4 cannot be pulled/,
        ),
      })
      expect((await pods('ollama-cpu-0')).map(isReady)).toEqual([true])
      await write('after the image')
    })

    it('is not moved where its disk has no room for two of it', () => refusesWithoutRoom(stack))

    it('has its data moved to other shards, and deployed and verified there', async () => {
      const known = await written()
      stack.config.shards = 7
      const foreign = await cluster.api.create({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'reshard', namespace: NAMESPACE },
        spec: {
          suspend: true,
          template: {
            spec: { restartPolicy: 'Never', containers: [{ name: 'job', image: 'job:1' }] },
          },
        },
      })
      expect(await stack.run('reshard')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('Job/reshard in the namespace tenants'),
      })
      await cluster.api.delete(foreign)
      const moving = stack.json('reshard')
      const seen: string[] = []
      await waitFor('a Job to move it', async () => {
        seen.push(...(await pods('reshard')).map(({ metadata }) => metadata.name))
        return seen.length > 0
      })
      const { code, document, stderr } = await moving
      expect({ code, document, stderr }).toMatchObject({
        code: 0,
        document: { generation: 2, shards: 7, creators: 1, up: { verdict: 'passed' } },
      })
      expect(await pods('reshard')).toEqual([])
      await openStack()
      expect(outputs.chroma).toMatchObject({ generation: 2, shards: 7 })
      expect(await written()).toEqual(known)
    })

    it('is embedded by another model anew, by a Job, and the model before is taken away', async () => {
      const known = await written()
      const { name } = TEAM_MODEL
      stack.config.models = { [name]: { role: 'embedding' } }
      await embedAnew(stack, name, 3)
      await openStack()
      expect(await written()).toEqual(known)
    })

    it('has its data saved in an archive, and back from there when it was deleted', async () => {
      const known = await written()
      const saved = await stack.json('backup', '--to', join(stack.folder, 'archives'))
      expect(saved).toMatchObject({ code: 0, document: { creators: 1, unsettled: 0 } })
      await creator.clear()
      const { archive, documents } = saved.document
      const restored = await stack.json('restore', '--from', archive)
      expect(restored).toMatchObject({ code: 0, document: { written: documents } })
      expect(await written()).toEqual(known)
    })

    it('has backups taken at their times by a Job of its own, which others restore from', async () => {
      const s3 = await startS3(cluster.gateway)
      try {
        const known = await written()
        const { AWS_ENDPOINT_URL: endpoint, ...keys } = s3.env
        await cluster.api.create({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'archive-storage', namespace: NAMESPACE },
          stringData: keys,
        })
        stack.config.backup = {
          to: 's3://archives/nightly',
          schedule: '* * * * *',
          keep: 1,
          endpoint,
          secret: 'archive-storage',
        }
        const { code, stderr } = await stack.run('up')
        expect({ code, stderr }).toMatchObject({ code: 0 })
        const jobs = async () =>
          (await cluster.api.list('batch/v1', 'Job')).filter(({ metadata }) =>
            metadata.name.startsWith('backup'),
          )
        await waitFor('a backup to be taken', async () =>
          (await jobs()).some(({ status }) => status.succeeded === 1),
        )
        const [cron] = await cluster.api.list('batch/v1', 'CronJob')
        await cluster.api.patch(cron!, { spec: { suspend: true } })
        await waitFor('all to have ended', async () =>
          (await jobs()).every(({ status }) => !status.active),
        )
        const [archive, ...more] = await readdir(join(s3.folder, 'archives', 'nightly'))
        expect(more).toEqual([])
        const from = `s3://archives/nightly/${archive}`
        expect(await stack.json('status')).toMatchObject({
          code: 0,
          document: { backup: { archive: from, machine: expect.stringMatching(/^backup-/) } },
        })
        await creator.clear()
        Object.assign(stack.env, keys)
        const restored = await stack.json('restore', '--from', from)
        expect(restored).toMatchObject({ code: 0, document: { archive: from } })
        expect(await written()).toEqual(known)
        // What an update does not know of a CronJob's Jobs stays.
        const last = (await jobs()).find(({ status }) => status.succeeded === 1)
        expect((await stack.run('up')).code).toBe(0)
        expect(await cluster.api.read(last!)).toMatchObject({
          metadata: { uid: last!.metadata.uid },
        })
      } finally {
        await s3.stop()
      }
    })

    it('is erased of a creator, in its claim too, by a Job beside its pod that goes again', async () => {
      const secret = 'What Grete has written down is for nobody else to read.'
      const vector = vectorFor(secret, DIMENSION)
      const grete = deployment.knowledge().creator('grete')
      await grete.upsert([{ id: 'diary', chunks: [{ text: secret, vector }] }])
      const known = await written()
      const { code, document, stderr } = await stack.json('forget', '--creator', 'grete', '--yes')
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(document).toMatchObject({
        creators: [{ creator: 'grete', chunks: 1 }],
        search: { things: 2, before: 2, after: 0 },
      })
      const volumes = join(cluster.home, 'volumes')
      const entries = await readdir(volumes, { recursive: true, withFileTypes: true })
      const databases = entries.filter(({ name }) => name === 'chroma.sqlite3')
      expect(databases).not.toEqual([])
      for (const { parentPath, name } of databases) {
        expect((await readFile(join(parentPath, name))).includes(secret)).toBe(false)
      }
      expect(await pods('beside-data')).toEqual([])
      expect(await written()).toEqual(known)
      expect(await grete.count()).toBe(0)
    })

    it('has another Chroma put under its data, and one taken back that spoils it', async () => {
      const known = await written()
      const image = async () => (await pods('chroma-0'))[0]!.spec.containers[0].image
      stack.config.chromaVersion = OTHER_CHROMA
      const { code, stderr } = await stack.run('up')
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(await image()).toContain(OTHER_CHROMA)
      await openStack()
      expect(await written()).toEqual(known)

      stack.config.chromaVersion = SPOILING_CHROMA
      const spoilt = await stack.run('up')
      expect({ code: spoilt.code, stderr: spoilt.stderr }).toMatchObject({ code: 1 })
      expect(spoilt.stderr).toContain('The upgrade was taken back')
      expect(await image()).toContain(OTHER_CHROMA)
      await openStack()
      expect(await written()).toEqual(known)
      await write('after the upgrade')
      expect(await pods('beside-data')).toEqual([])
      stack.config.chromaVersion = OTHER_CHROMA
    })

    it('leaves its data when it is taken down, and finds it when it comes again', async () => {
      const known = await written()
      await deployment.close()
      expect((await stack.run('down')).code).toBe(0)
      expect(await pods('')).toEqual([])
      const { code, stderr } = await stack.run('up')
      expect({ code, stderr }).toMatchObject({ code: 0 })
      deployment = await openDeployment(outputs)
      creator = deployment.knowledge().creator('a creator')
      expect(await written()).toEqual(known)
    })
  },
)
