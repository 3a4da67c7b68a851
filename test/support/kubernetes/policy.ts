import type { KubernetesObject } from './kubernetes-objects.ts'

/** What holds for every object of a stack; what breaks it is told as a sentence. */
export interface Rule {
  name: string
  /** @returns what is wrong with the object, none where the rule holds or says nothing of it */
  broken(object: KubernetesObject, all: readonly KubernetesObject[]): string[]
}

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Any = any

const podSpec = ({ spec }: KubernetesObject): Any | undefined =>
  (spec?.jobTemplate?.spec ?? spec)?.template?.spec
const containersOf = (object: KubernetesObject): Any[] => podSpec(object)?.containers ?? []
const SETS = ['StatefulSet', 'Deployment']

/** A rule over pods. */
const forPods = (name: string, holds: (pod: Any) => boolean): Rule => ({
  name,
  broken: object => (podSpec(object) === undefined || holds(podSpec(object)) ? [] : [name]),
})

/** A rule over containers. */
const forContainers = (name: string, holds: (container: Any) => boolean): Rule => ({
  name,
  broken: object =>
    containersOf(object)
      .filter(container => !holds(container))
      .map(container => `${container.name}: ${name}`),
})

const selects = (selector: Record<string, string>, labels: Record<string, string> = {}): boolean =>
  Object.entries(selector).every(([key, value]) => labels[key] === value)

const EXACT = /^[^:@]+(:\d+\/[^:@]+)?:(?!latest(@|$))[\w.-]+(@sha256:[0-9a-f]{64})?$/

/** The restricted Pod Security Standard, and what the house asks for beyond it. */
export const RULES: readonly Rule[] = [
  forPods('runs as somebody, who is not root', ({ securityContext: context }) =>
    Boolean(context?.runAsNonRoot && context.runAsUser > 0 && context.runAsGroup > 0),
  ),
  forPods(
    "has the runtime's own seccomp profile",
    ({ securityContext }) => securityContext?.seccompProfile?.type === 'RuntimeDefault',
  ),
  forPods(
    'shares nothing with its node',
    pod =>
      !pod.hostNetwork &&
      !pod.hostPID &&
      !pod.hostIPC &&
      (pod.volumes ?? []).every((volume: Any) => volume.hostPath === undefined),
  ),
  forPods('has no token for the API server', pod => pod.automountServiceAccountToken === false),
  forPods('has no variables of Services', pod => pod.enableServiceLinks === false),
  forPods('has nothing that runs before it', pod => (pod.initContainers ?? []).length === 0),
  forContainers(
    'gains no privileges',
    ({ securityContext }) =>
      securityContext?.allowPrivilegeEscalation === false && !securityContext.privileged,
  ),
  forContainers('has no capability', ({ securityContext }) => {
    const { drop = [], add = [] } = securityContext?.capabilities ?? {}
    return drop.includes('ALL') && add.length === 0
  }),
  forContainers(
    'cannot write to its root',
    ({ securityContext }) => securityContext?.readOnlyRootFilesystem === true,
  ),
  forContainers(
    'is not made another user',
    ({ securityContext }) =>
      securityContext?.runAsUser === undefined && securityContext?.runAsNonRoot !== false,
  ),
  forContainers('has an image by exact version', ({ image }) => EXACT.test(image)),
  forContainers(
    'asks for CPU and memory, and is held to them',
    ({ resources }) =>
      Boolean(resources?.requests?.cpu && resources.requests.memory) &&
      Boolean(resources?.limits?.cpu && resources.limits.memory === resources.requests.memory),
  ),
  forContainers(
    'holds no secret in its environment',
    ({ env = [] }) =>
      !env.some(({ value = '' }: Any) => /[0-9a-f]{32}|Bearer |"k"\s*:/.test(value)),
  ),
  forContainers(
    'says why it ended with the end of its log',
    ({ terminationMessagePolicy }) => terminationMessagePolicy === 'FallbackToLogsOnError',
  ),
  {
    name: 'is looked at: every container that serves has a probe',
    broken: object =>
      SETS.includes(object.kind)
        ? containersOf(object)
            .filter(({ readinessProbe, livenessProbe }) => !readinessProbe && !livenessProbe)
            .map(({ name }) => `${name}: nobody looks at it`)
        : [],
  },
  {
    name: 'may be drained one pod at a time',
    broken(object, all) {
      if (!SETS.includes(object.kind)) return []
      const budgets = all.filter(
        ({ kind, spec }) =>
          kind === 'PodDisruptionBudget' &&
          spec.maxUnavailable === 1 &&
          selects(spec.selector.matchLabels, object.spec.template.metadata.labels),
      )
      return budgets.length === 1 ? [] : [`${budgets.length} disruption budgets`]
    },
  },
  {
    name: 'keeps its claims, whoever deletes the set',
    broken({ kind, spec }) {
      if (kind !== 'StatefulSet') return []
      const { whenDeleted, whenScaled } = spec.persistentVolumeClaimRetentionPolicy ?? {}
      return whenDeleted === 'Retain' && whenScaled === 'Retain' ? [] : ['claims may go with it']
    },
  },
  {
    name: 'has its name for ever, where something would be lost with it',
    broken({ kind, metadata, spec }) {
      const fixed = ['StatefulSet', 'PersistentVolumeClaim', 'Namespace', 'Service', 'Secret']
      if (!fixed.includes(kind)) return []
      const wanted = kind === 'StatefulSet' ? spec.serviceName.startsWith(metadata.name) : true
      return metadata.name && wanted ? [] : ['its name would change']
    },
  },
  {
    name: 'holds no secret in what everybody may read',
    broken: object =>
      object.kind !== 'Secret' &&
      /Bearer [0-9a-f]{32}|"token"\s*:\s*"[0-9a-f]{32}/.test(textOf(object))
        ? ['a token']
        : [],
  },
  {
    name: 'is in a namespace that admits only restricted pods',
    broken: ({ kind, metadata }) =>
      kind === 'Namespace' &&
      (metadata as Any).labels?.['pod-security.kubernetes.io/enforce'] !== 'restricted'
        ? ['any pod is admitted']
        : [],
  },
  {
    name: 'opens no port of a node',
    broken: ({ kind, spec }) =>
      kind === 'Service' && ['NodePort', 'LoadBalancer'].includes(spec.type) ? [spec.type] : [],
  },
  {
    name: 'is reached over TLS from outside',
    broken: ({ kind, spec }) =>
      kind === 'Ingress' && spec.rules.some(({ host }: Any) => !isCovered(host, spec.tls))
        ? ['a host without TLS']
        : [],
  },
]

const isCovered = (host: string, tls: Any[] = []): boolean =>
  tls.some(({ hosts, secretName }) => hosts.includes(host) && secretName)

const textOf = (object: KubernetesObject): string => JSON.stringify(object).replaceAll('\\"', '"')

/** `StatefulSet chroma: front: has no capability` for everything that breaks a rule. */
export const violations = (objects: readonly KubernetesObject[]): string[] =>
  objects.flatMap(object =>
    RULES.flatMap(rule =>
      rule
        .broken(object, objects)
        .map(wrong => `${object.kind} ${object.metadata.name} (${rule.name}): ${wrong}`),
    ),
  )
