import { Failure } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { ask, type Cluster } from './cluster-client.ts'
import { isMade, type Kind, kindsOf } from './ownership/owned-kinds.ts'

/** What a deployment does with each kind of object, and what `down` does. */
const VERBS = ['get', 'list', 'create', 'patch', 'delete']
/** With kinds of which it has none made: it looks whether there are any of another time. */
const LOOKS = ['list']

const NAMESPACES = 'namespaces'

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

function attemptsOf(settings: Settings): Attempt[] {
  const kinds = kindsOf(settings).flatMap(kind =>
    (isMade(settings, kind) ? VERBS : LOOKS).map(verb => ({
      verb,
      group: groupOf(kind),
      resource: kind.resource,
    })),
  )
  const { sharedNamespace } = settings.kubernetes
  const namespaces = sharedNamespace ? ['get'] : ['get', 'create', 'patch']
  return [
    ...namespaces.map(verb => ({ verb, group: '', resource: NAMESPACES })),
    ...kinds,
    { verb: 'list', group: '', resource: 'pods' },
    { verb: 'get', group: '', resource: 'pods/log' },
  ]
}

/** Empty for the kinds of `v1`, which are of no group. */
const groupOf = ({ apiVersion }: Kind): string =>
  apiVersion.includes('/') ? apiVersion.replace(/\/.*$/, '') : ''

async function mayI(cluster: Cluster, namespace: string, attempt: Attempt) {
  const { verb, group, resource: name } = attempt
  const [resource, subresource] = name.split('/')
  const resourceAttributes = {
    verb,
    group,
    resource: resource!,
    ...(subresource && { subresource }),
    ...placeOf(attempt, namespace),
  }
  const body = { spec: { resourceAttributes } }
  const question = cluster.authorization.createSelfSubjectAccessReview({ body })
  const { status } = await ask(cluster, 'whether you may deploy', question)
  return status?.allowed === true
}

/** A right to look at one namespace may come with a role in it; one to make namespaces is the cluster's. */
function placeOf({ verb, resource }: Attempt, namespace: string) {
  if (resource !== NAMESPACES) return { namespace }
  return verb === 'create' ? {} : { namespace, name: namespace }
}
