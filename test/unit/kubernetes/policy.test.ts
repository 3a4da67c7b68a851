import { beforeAll, describe, expect, it } from 'vitest'
import {
  EVERYTHING,
  type KubernetesObject,
  kubernetesObjects,
  objectOf,
} from '../../support/kubernetes/kubernetes-objects.ts'
import { RULES, violations } from '../../support/kubernetes/policy.ts'

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Any = any

let objects: KubernetesObject[]

beforeAll(async () => {
  objects = await kubernetesObjects({ instances: 2 }, EVERYTHING)
})

describe('every object of a stack', () => {
  it('keeps to the policy', () => {
    expect(violations(objects)).toEqual([])
  })

  it('keeps to it with the least that can be asked for, and on CPUs alone', async () => {
    expect(violations(await kubernetesObjects())).toEqual([])
    const onCpus = await kubernetesObjects({}, { nodes: ['memory=64GiB,cpu=16'] })
    expect(violations(onCpus)).toEqual([])
  })
})

/** What each rule is there to find: a change of one object that breaks it. */
const BREAKS: Record<string, [kind: string, name: string, change: (object: Any) => void]> = {
  'runs as somebody, who is not root': pod(spec => {
    spec.securityContext.runAsUser = 0
  }),
  "has the runtime's own seccomp profile": pod(spec => {
    spec.securityContext.seccompProfile.type = 'Unconfined'
  }),
  'shares nothing with its node': pod(spec => {
    spec.volumes.push({ name: 'node', hostPath: { path: '/' } })
  }),
  'has no token for the API server': pod(spec => {
    delete spec.automountServiceAccountToken
  }),
  'has no variables of Services': pod(spec => {
    delete spec.enableServiceLinks
  }),
  'has nothing that runs before it': pod(spec => {
    spec.initContainers = [{ name: 'chown', image: 'busybox:1.37' }]
  }),
  'gains no privileges': container(it => {
    delete it.securityContext.allowPrivilegeEscalation
  }),
  'has no capability': container(it => {
    it.securityContext.capabilities.add = ['NET_ADMIN']
  }),
  'cannot write to its root': container(it => {
    it.securityContext.readOnlyRootFilesystem = false
  }),
  'is not made another user': container(it => {
    it.securityContext.runAsUser = 0
  }),
  'has an image by exact version': container(it => {
    it.image = 'nginx:latest'
  }),
  'asks for CPU and memory, and is held to them': container(it => {
    delete it.resources.limits.memory
  }),
  'holds no secret in its environment': container(it => {
    it.env.push({ name: 'TOKEN', value: 'a'.repeat(64) })
  }),
  'says why it ended with the end of its log': container(it => {
    delete it.terminationMessagePolicy
  }),
  'is looked at: every container that serves has a probe': container(it => {
    delete it.readinessProbe
    delete it.livenessProbe
  }),
  'may be drained one pod at a time': [
    'PodDisruptionBudget',
    'chroma',
    object => {
      object.spec.selector.matchLabels['app.kubernetes.io/component'] = 'other'
    },
  ],
  'keeps its claims, whoever deletes the set': [
    'StatefulSet',
    'chroma',
    object => {
      object.spec.persistentVolumeClaimRetentionPolicy.whenScaled = 'Delete'
    },
  ],
  'has its name for ever, where something would be lost with it': [
    'StatefulSet',
    'chroma',
    object => {
      object.metadata.name = 'chroma-1a2b3c4d'
    },
  ],
  'holds no secret in what everybody may read': [
    'ConfigMap',
    'chroma',
    object => {
      object.data.front = `Bearer ${'0'.repeat(64)}`
    },
  ],
  'is in a namespace that admits only restricted pods': [
    'Namespace',
    'knowledge-stack-test',
    object => {
      object.metadata.labels['pod-security.kubernetes.io/enforce'] = 'baseline'
    },
  ],
  'opens no port of a node': [
    'Service',
    'api',
    object => {
      object.spec.type = 'NodePort'
    },
  ],
  'is reached over TLS from outside': [
    'Ingress',
    'api',
    object => {
      object.spec.tls = []
    },
  ],
}

function pod(change: (spec: Any) => void): (typeof BREAKS)[string] {
  return ['StatefulSet', 'ollama-gpu', object => change(object.spec.template.spec)]
}

function container(change: (container: Any) => void): (typeof BREAKS)[string] {
  const last = (spec: Any) => spec.template.spec.containers.at(-1)
  return ['StatefulSet', 'ollama-gpu', object => change(last(object.spec))]
}

describe('the policy', () => {
  it('has a way to break each of its rules here', () => {
    expect(Object.keys(BREAKS).sort()).toEqual(RULES.map(({ name }) => name).sort())
  })

  it.each(RULES.map(({ name }) => name))('finds an object that does not keep to: %s', name => {
    const [kind, object, change] = BREAKS[name]!
    const broken = structuredClone(objects)
    change(objectOf(broken, kind, object))
    const found = violations(broken)
    expect(found).not.toEqual([])
    expect(found.every(violation => violation.includes(`(${name})`))).toBe(true)
  })
})
