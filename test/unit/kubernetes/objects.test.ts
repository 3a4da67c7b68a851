import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { apiEnvironment } from '../../../infra/servers/api-environment.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { GiB, MiB } from '../../../infra/units.ts'
import {
  BACKUP,
  EVERYTHING,
  type KubernetesObject,
  kubernetesObjects,
  objectOf,
} from '../../support/kubernetes/kubernetes-objects.ts'
import { violations } from '../../support/kubernetes/policy.ts'

const API = {
  apiHosts: 'knowledge.example.org',
  apiProxies: '10.244.0.0/16',
  apiRequestsPerMinute: 77,
}

let objects: KubernetesObject[]
const find = (kind: string, name: string) => objectOf(objects, kind, name)
const podOf = (object: KubernetesObject) => object.spec.template.spec
const containerOf = (object: KubernetesObject, name: string) =>
  podOf(object).containers.find((container: { name: string }) => container.name === name)
const envOf = (container: { env: { name: string; value: string }[] }) =>
  Object.fromEntries(container.env.map(({ name, value }) => [name, value]))

const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())

beforeAll(async () => {
  const config = { shards: 12, instances: 3, parallel: 2, contextLength: 8192, keepAlive: '30m' }
  objects = await kubernetesObjects({ ...config, ...API, backup: BACKUP }, EVERYTHING)
})

/** Of every pod. */
const FOR_THE_IMAGES = [
  { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] },
  { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64', 'arm64'] },
]
const affinityTo = (matchExpressions: object[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] },
  },
})

describe('every object of a stack on a cluster', () => {
  it('carries its owner, and the claims of pods do; selectors stay as older versions made them', () => {
    const owners = objects.map(({ metadata }) => metadata.labels?.['knowledge-stack/owner'])
    expect(new Set(owners).size).toBe(1)
    expect(owners[0]).toMatch(/^[0-9a-f-]{36}$/)
    const { spec } = find('StatefulSet', 'chroma')
    expect(spec.volumeClaimTemplates[0].metadata.labels['knowledge-stack/owner']).toBe(owners[0])
    expect(JSON.stringify([spec.selector, spec.template])).not.toContain('knowledge-stack/owner')
  })

  it('touches the pods of the stack alone: a namespace may have others', () => {
    for (const { spec } of objects.filter(({ kind }) => kind === 'NetworkPolicy')) {
      expect(spec.podSelector.matchLabels).toEqual({
        'app.kubernetes.io/part-of': 'knowledge-stack',
      })
    }
  })

  it('leaves a namespace that is shared as it is', async () => {
    const shared = await kubernetesObjects({}, { namespace: 'team', sharedNamespace: true })
    expect(shared.filter(({ kind }) => kind === 'Namespace')).toEqual([])
    expect(objects.filter(({ kind }) => kind === 'Namespace')).toHaveLength(1)
  })
})

describe('backups on a cluster', () => {
  const cronJob = () => find('CronJob', 'backup').spec
  const container = (spec = cronJob()) => spec.jobTemplate.spec.template.spec.containers[0]

  it('are taken at their times by a CronJob, one at a time, and tried again where a server starts or creators move', () => {
    expect(cronJob()).toMatchObject({
      schedule: '0 3 * * *',
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Forbid',
      jobTemplate: { spec: { backoffLimit: 6, template: { spec: { restartPolicy: 'Never' } } } },
    })
  })

  it('are told what the settings say, and the keys of the storage by the Secret that these name', () => {
    const [, , program, outputs, request] = container().args
    expect(program).toBe('provision/backup/main.ts')
    expect(outputs).toBe('/etc/knowledge/outputs.json')
    const { schedule: _, secret, ...told } = BACKUP
    expect(JSON.parse(request)).toMatchObject({ stack: 'test', ...told })
    expect(container().envFrom).toEqual([{ secretRef: { name: secret } }])
  })

  it('have Jobs that carry the owner of the stack', () => {
    const { metadata, spec } = find('CronJob', 'backup')
    expect(spec.jobTemplate.metadata.labels).toEqual(metadata.labels)
    expect(metadata.labels).toHaveProperty('knowledge-stack/owner')
  })

  it('are taken by nobody where the settings say no time', async () => {
    const { schedule: _, ...backup } = BACKUP
    const kinds = (await kubernetesObjects({ backup })).map(({ kind }) => kind)
    expect(kinds).not.toContain('CronJob')
  })
})

describe('Chroma on a cluster', () => {
  it('is a set of as many pods as there are instances, each with a claim and an address of its own', () => {
    const { spec } = find('StatefulSet', 'chroma')
    expect(spec).toMatchObject({ replicas: 3, serviceName: 'chroma-pods' })
    expect(find('Service', 'chroma-pods').spec.clusterIP).toBe('None')
    for (const index of [0, 1, 2]) find('PersistentVolumeClaim', `data-chroma-${index}`)
  })

  it('keeps its data where the image looks for it, and listens where only its own pod reaches it', () => {
    const config = find('ConfigMap', 'chroma').data.config
    expect(config).toMatch(/listen_address: 127.0.0.1/)
    expect(config).toMatch(/persist_path: \/data\nallow_reset: false/)
    const { args, volumeMounts } = containerOf(find('StatefulSet', 'chroma'), 'chroma')
    expect(args).toEqual(['run', '/config.yaml'])
    expect(volumeMounts).toContainEqual({ name: 'data', mountPath: '/data' })
    const mount = volumeMounts.find(({ name }: { name: string }) => name === 'config')
    expect(mount).toMatchObject({ mountPath: '/config.yaml', subPath: 'config' })
  })

  it('is sent requests as long as it answers through its auth proxy, on a route that wants no token', () => {
    const chroma = containerOf(find('StatefulSet', 'chroma'), 'chroma')
    expect(chroma.readinessProbe.httpGet).toEqual({ path: '/api/v2/healthcheck', port: 8080 })
  })

  it('runs under the watchdog of its disk, which tells its auth proxy in memory that they share', () => {
    const set = find('StatefulSet', 'chroma')
    const [chroma, front] = ['chroma', 'front'].map(name => containerOf(set, name))
    expect(chroma.command.slice(-2)).toEqual(['/data', 'chroma'])
    const folder = dirname(envOf(chroma).KNOWLEDGE_ROOM_FILE!)
    const shared = { name: 'shared-memory', mountPath: folder }
    expect(chroma.volumeMounts).toContainEqual(shared)
    expect(front.volumeMounts).toContainEqual({ ...shared, readOnly: true })
    const { volumes } = podOf(set)
    const volume = volumes.find(({ name }: { name: string }) => name === shared.name)
    expect(volume.emptyDir).toMatchObject({ medium: 'Memory' })
  })

  it('has its layout written down beside the data', () => {
    expect(find('ConfigMap', 'layout').data).toEqual({
      generation: '1',
      shards: '12',
      instances: '3',
      embeddingModel: 'nomic-embed-text:latest',
      dimensions: '768',
      documentPrefix: 'search_document: ',
      queryPrefix: 'search_query: ',
    })
  })
})

describe.each([
  ['chroma', 'chroma', '8000'],
  ['ollama-gpu', 'ollama', '11434'],
])('the pod of %s', (set, name, port) => {
  const probes = (container: string) => containerOf(find('StatefulSet', set), container)

  it('has its server started again for no fault of its auth proxy', () => {
    const { startupProbe, livenessProbe } = probes(name)
    for (const probe of [startupProbe, livenessProbe]) {
      expect(Object.keys(probe)).not.toContain('httpGet')
      expect(probe.exec.command.join(' ')).toMatch(
        new RegExp(`^bash -c .*/dev/tcp/127.0.0.1/${port} `),
      )
      expect(probe.exec.command.join(' ')).not.toContain('8080')
    }
  })

  it('has its auth proxy started again for its own faults alone', () => {
    const { livenessProbe, readinessProbe } = probes('front')
    expect(livenessProbe.httpGet).toEqual({ path: '/alive', port: 8080 })
    expect(readinessProbe.httpGet.path).not.toBe('/alive')
    // One that hangs ends by no signal but the last, and the pod gives its server long for what is under way.
    const { spec } = find('StatefulSet', set).spec.template
    expect(livenessProbe.terminationGracePeriodSeconds).toBeLessThan(
      spec.terminationGracePeriodSeconds / 4,
    )
    const config = find('Secret', `${set}-front`).stringData['nginx.conf']
    expect(config).toMatch(/location = \/alive \{\s*return 200 [^}]*\}/)
  })
})

describe('a pool of Ollama on a cluster', () => {
  it('is served as planned', () => {
    const ollama = containerOf(find('StatefulSet', 'ollama-gpu'), 'ollama')
    expect(envOf(ollama)).toMatchObject({
      OLLAMA_HOST: '127.0.0.1:11434',
      OLLAMA_CONTEXT_LENGTH: '8192',
      OLLAMA_NUM_PARALLEL: '2',
      OLLAMA_KEEP_ALIVE: '30m',
      OLLAMA_MAX_LOADED_MODELS: '2',
      OLLAMA_NOPRUNE: '1',
    })
    expect(ollama.resources.limits['nvidia.com/gpu']).toBe('1')
  })

  it('pulls through the proxy of the settings, kept as a Secret, and trusts their certificates', async () => {
    const pem = '-----BEGIN CERTIFICATE-----\nb3du\n-----END CERTIFICATE-----\n'
    const proxy = 'http://ada:s3cret@proxy.example.org:3128'
    const folder = await mkdtemp(join(tmpdir(), 'certificates-'))
    await writeFile(join(folder, 'own.pem'), pem)
    const egress = { httpsProxy: proxy, caCertificates: join(folder, 'own.pem') }
    const all = await kubernetesObjects({ ...egress, home: folder })
    const set = objectOf(all, 'StatefulSet', 'ollama-gpu')
    const ollama = containerOf(set, 'ollama')
    expect(ollama.env).toContainEqual({
      name: 'HTTPS_PROXY',
      valueFrom: { secretKeyRef: { name: 'ollama-proxy', key: 'HTTPS_PROXY' } },
    })
    expect(envOf(ollama)).toMatchObject({
      NO_PROXY: expect.stringMatching(
        /(?=.*localhost)(?=.*\.svc,\.cluster\.local)(?=.*10\.0\.0\.0\/8)/,
      ),
      SSL_CERT_DIR: '/etc/ssl/certs:/etc/knowledge/certificates',
      OLLAMA_DEBUG: '-1',
    })
    expect(objectOf(all, 'Secret', 'ollama-proxy').stringData).toEqual({ HTTPS_PROXY: proxy })
    expect(objectOf(all, 'ConfigMap', 'ollama-certificates').data).toEqual({ 'own.pem': pem })
    const mount = ollama.volumeMounts.find(
      ({ mountPath }: { mountPath: string }) => mountPath === '/etc/knowledge/certificates',
    )
    expect(podOf(set).volumes).toContainEqual({
      name: mount.name,
      configMap: { name: 'ollama-certificates' },
    })
    const open = all.filter(({ kind }) => kind !== 'Secret')
    expect(JSON.stringify(open)).not.toContain('s3cret')
    expect(violations(all)).toEqual([])

    // Pods are started anew by another proxy, and by nothing where there is none.
    const hashOf = (objects: KubernetesObject[]) =>
      objectOf(objects, 'StatefulSet', 'ollama-gpu').spec.template.metadata.annotations
    const same = { home: folder }
    const without = await kubernetesObjects(same)
    const again = await kubernetesObjects({ ...same, noProxy: 'example.org' })
    const other = await kubernetesObjects({ ...same, httpsProxy: 'http://other.example.org' })
    expect(hashOf(without)).toEqual(hashOf(again))
    expect(hashOf(other)).not.toEqual(hashOf(all))
    expect(
      envOf(containerOf(objectOf(without, 'StatefulSet', 'ollama-gpu'), 'ollama')),
    ).not.toHaveProperty('NO_PROXY')
    await rm(folder, { recursive: true })
  })

  it('goes only to GPUs that the plan counts on', () => {
    const { affinity, tolerations, runtimeClassName } = podOf(find('StatefulSet', 'ollama-gpu'))
    const required = affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
    const [{ matchExpressions }] = required.nodeSelectorTerms
    expect(matchExpressions).toEqual([
      ...FOR_THE_IMAGES,
      { key: 'nvidia.com/gpu.memory', operator: 'Gt', values: [expect.stringMatching(/^\d+$/)] },
      {
        key: 'nvidia.com/gpu.sharing-strategy',
        operator: 'NotIn',
        values: ['time-slicing', 'mps'],
      },
      { key: 'nvidia.com/gpu.slices.gi', operator: 'DoesNotExist' },
      { key: 'nvidia.com/gpu.product', operator: 'In', values: ['NVIDIA-L40S'] },
    ])
    expect(tolerations).toEqual([
      { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
    ])
    expect(runtimeClassName).toBe('nvidia')
  })

  it('has a sidecar that is told what to pull, from where, and where to', () => {
    const { models, gpu, resident } = JSON.parse(
      find('ConfigMap', 'ollama-gpu-models').data['models.json'],
    )
    expect({ gpu, resident }).toEqual({ gpu: true, resident: false })
    const [embedding, chat] = models
    expect(embedding.model).toMatchObject({ role: 'embedding', dimensions: 768, pool: 'gpu' })
    expect(chat.args).toMatchObject({
      serves: 'gpt-oss:20b-ctx8192',
      ollama: { url: 'http://127.0.0.1:11434', modelsFolder: '/store/models' },
      lockRecord: '/store/state/models.lock.json',
    })
  })

  it('has the time that a pull may take, for each of its models', () => {
    const { startupProbe } = containerOf(find('StatefulSet', 'ollama-gpu'), 'keeper')
    const seconds = startupProbe.failureThreshold * startupProbe.periodSeconds
    expect(seconds).toBeGreaterThanOrEqual(2 * 180 * 60)
  })

  it('starts its pods without waiting for one another', () => {
    expect(find('StatefulSet', 'ollama-gpu').spec.podManagementPolicy).toBe('Parallel')
  })

  it('lets the provisioner do what the application may not', () => {
    const config = find('Secret', 'ollama-gpu-front').stringData['nginx.conf']
    expect(config.match(/"Bearer [0-9a-f]{64}" (application|provisioner);/g)).toHaveLength(2)
    const chroma = find('Secret', 'chroma-front').stringData['nginx.conf']
    expect(chroma).not.toContain('provisioner;')
  })
})

describe('the plan and what is asked of the cluster', () => {
  it('agree on memory and claims', () => {
    const asked = podOf(find('StatefulSet', 'ollama-gpu')).containers.map(
      (container: { resources: { requests: { memory: string } } }) =>
        container.resources.requests.memory,
    )
    expect(asked).toEqual([expect.stringMatching(/^\d+(Mi|Gi)$/), '128Mi', '256Mi'])
    const size = find('PersistentVolumeClaim', 'data-ollama-gpu-0').spec.resources.requests.storage
    const models = 13_793_441_244 + 274_302_450
    expect(Number.parseInt(size, 10) * GiB).toBeGreaterThan(models + 512 * MiB)
  })
})

describe('the API on a cluster', () => {
  it('is given servers at their names within, and the tokens to reach them', () => {
    const { 'outputs.json': text, 'api-keys.json': keys } = find('Secret', 'deployment').stringData
    expect(JSON.parse(keys).keys).toHaveLength(1)
    const { chroma, ollama, api } = JSON.parse(text)
    expect(chroma.instances[2].reach).toEqual({
      kind: 'direct',
      url: 'http://chroma-2.chroma-pods.knowledge-stack-test.svc:8080',
      token: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(ollama[0].reach.url).toBe('http://ollama-gpu.knowledge-stack-test.svc:8080')
    expect(ollama[0].reach.token).not.toBe(chroma.instances[0].reach.token)
    expect(api.reach).not.toHaveProperty('token')
  })

  it('has its metrics read with a token that a Secret holds, whose keys the API is given', () => {
    const [endpoint] = find('ServiceMonitor', 'api').spec.endpoints
    const { name, key } = endpoint.authorization.credentials
    expect(endpoint).toMatchObject({ path: '/metrics' })
    expect(find('Secret', name).metadata.namespace).toBe(
      find('ServiceMonitor', 'api').metadata.namespace,
    )
    const [header, claims] = find('Secret', name)
      .stringData[key].split('.')
      .slice(0, 2)
      .map(decoded)
    const keys = JSON.parse(find('Secret', 'deployment').stringData['api-keys.json']).keys
    expect(header.kid).toBe(keys[0].kid)
    expect(claims).toMatchObject({ scope: 'monitor' })
    expect(JSON.stringify(objects.filter(({ kind }) => kind !== 'Secret'))).not.toContain(
      find('Secret', name).stringData[key],
    )
  })

  it('is told of its stack what every API is', () => {
    const api = containerOf(find('Deployment', 'api'), 'api')
    const settings = parseSettings('test', { target: 'kubernetes', ...API })
    expect(envOf(api)).toMatchObject({
      ...apiEnvironment(settings),
      KNOWLEDGE_API_HOST: '0.0.0.0',
      KNOWLEDGE_API_PROXIES: API.apiProxies,
      KNOWLEDGE_API_HOSTS: API.apiHosts,
      KNOWLEDGE_API_REQUESTS_PER_MINUTE: `${API.apiRequestsPerMinute}`,
      KNOWLEDGE_API_LOOPBACK: 'false',
    })
  })

  it('leaves its replicas to the autoscaler where there is one', () => {
    expect(find('Deployment', 'api').spec).not.toHaveProperty('replicas')
    expect(find('HorizontalPodAutoscaler', 'api').spec).toMatchObject({
      scaleTargetRef: { kind: 'Deployment' },
      minReplicas: 2,
      maxReplicas: 4,
    })
  })

  it('is reached from outside over TLS only', () => {
    const { tls, rules } = find('Ingress', 'api').spec
    expect(tls).toEqual([{ hosts: ['knowledge.example.org'], secretName: 'certificate' }])
    expect(rules).toHaveLength(1)
  })

  it('is started anew when what it is given is another, and only then', async () => {
    const home = await mkdtemp(join(tmpdir(), 'kubernetes-hash-'))
    const hashWith = async (config: object) => {
      const deployment = objectOf(await kubernetesObjects({ home, ...config }), 'Deployment', 'api')
      return deployment.spec.template.metadata.annotations['knowledge-stack/files']
    }
    try {
      const hash = await hashWith({})
      expect(await hashWith({ pullDeadlineMinutes: 5 })).toBe(hash)
      expect(await hashWith({ maxConnectionsPerInstance: 3 })).not.toBe(hash)
    } finally {
      await rm(home, { recursive: true })
    }
  })
})

describe('a stack that asks for nothing more', () => {
  it('has no autoscaler, Ingress or monitoring, and two pods of the API', async () => {
    const plain = await kubernetesObjects()
    const kinds = new Set(plain.map(({ kind }) => kind))
    for (const kind of ['HorizontalPodAutoscaler', 'Ingress', 'ServiceMonitor']) {
      expect(kinds).not.toContain(kind)
    }
    expect(objectOf(plain, 'Deployment', 'api').spec.replicas).toBe(2)
  })

  it('verifies itself by a Job that is not asked twice, unless told not to', async () => {
    const plain = await kubernetesObjects()
    expect(objectOf(plain, 'Job', 'verification').spec.backoffLimit).toBe(0)
    const quiet = await kubernetesObjects({}, { verification: false })
    expect(quiet.some(({ kind }) => kind === 'Job')).toBe(false)
  })

  it('serves all models from CPUs where there is no GPU', async () => {
    const plain = await kubernetesObjects({}, { nodes: ['memory=64GiB,cpu=16'] })
    const pod = podOf(objectOf(plain, 'StatefulSet', 'ollama-cpu'))
    expect(pod.affinity).toEqual(affinityTo(FOR_THE_IMAGES))
    expect(pod).not.toHaveProperty('tolerations')
  })
})
