import { Failure } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings.ts'
import { ask, type Cluster } from './cluster.ts'

/** What a deployment does with each kind of object. */
const VERBS = ['get', 'create', 'patch', 'delete']

/** Group and plural name of what a deployment makes in its namespace. */
const KINDS: [string, string][] = [
  ['', 'configmaps'],
  ['', 'secrets'],
  ['', 'services'],
  ['', 'persistentvolumeclaims'],
  ['apps', 'statefulsets'],
  ['apps', 'deployments'],
  ['batch', 'jobs'],
  ['policy', 'poddisruptionbudgets'],
  ['networking.k8s.io', 'networkpolicies'],
]

interface Attempt {
  verb: string
  group: string
  resource: string
}

/** @throws Failure `misused` that lists what this user may not do */
export async function requirePermissions(settings: Settings, cluster: Cluster): Promise<void> {
  const { namespace } = settings.kubernetes
  const attempts = attemptsOf(settings)
  const answers = await Promise.all(attempts.map(attempt => mayI(cluster, namespace, attempt)))
  const missing = attempts.filter((_, index) => !answers[index])
  if (missing.length === 0) return
  const list = missing.map(({ verb, resource }) => `${verb} ${resource}`).join(', ')
  throw new Failure(
    'misused',
    `On the cluster ${cluster.label} you may not, in namespace ${namespace}: ${list}`,
    {
      mend: `ask for these rights, or use another context: kubectl auth can-i --list -n ${namespace}`,
    },
  )
}

function attemptsOf({ kubernetes: { autoscaling, ingress } }: Settings): Attempt[] {
  const kinds = [
    ...KINDS,
    ...(autoscaling.api || autoscaling.ollama ? [['autoscaling', 'horizontalpodautoscalers']] : []),
    ...(ingress ? [['networking.k8s.io', 'ingresses']] : []),
  ] as [string, string][]
  return [
    { verb: 'create', group: '', resource: 'namespaces' },
    ...kinds.flatMap(([group, resource]) => VERBS.map(verb => ({ verb, group, resource }))),
    { verb: 'list', group: '', resource: 'pods' },
    { verb: 'get', group: '', resource: 'pods/log' },
  ]
}

async function mayI(cluster: Cluster, namespace: string, attempt: Attempt) {
  const { verb, group, resource: name } = attempt
  const [resource, subresource] = name.split('/')
  const question = cluster.authorization.createSelfSubjectAccessReview({
    body: {
      spec: {
        resourceAttributes: {
          verb,
          group,
          resource: resource!,
          ...(subresource && { subresource }),
          ...(name === 'namespaces' ? {} : { namespace }),
        },
      },
    },
  })
  const { status } = await ask(cluster, 'whether you may deploy', question)
  return status?.allowed === true
}
