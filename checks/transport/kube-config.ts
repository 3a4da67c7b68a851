import type { KubeConfig } from '@kubernetes/client-node'
import { proxyFor } from '../../infra/egress/proxy-for.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'

/** What the library makes up where nobody configured a cluster. */
const NOBODYS_SERVER = 'http://localhost:8080'

/**
 * The user's configuration for a cluster: $KUBECONFIG, ~/.kube/config, or that of the pod this runs in. As kubectl
 * does, it goes through the proxy that the environment has for the API server where the configuration names none.
 * @param context its current one when absent
 * @throws Failure `misused` when it cannot be read, or names no such context or no cluster
 */
export async function kubeConfig(context?: string): Promise<KubeConfig> {
  // The library takes half a second to load, which only those with a cluster are to wait for.
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    config.loadFromDefault()
  } catch (error) {
    throw new Failure('misused', `The kubeconfig cannot be read: ${reasonOf(error)}`, {
      mend: 'kubectl config view shows what is wrong with it',
      cause: error,
    })
  }
  const known = config.getContexts().map(({ name }) => name)
  if (context !== undefined) {
    if (!known.includes(context)) throw unknownContext(context, known)
    config.setCurrentContext(context)
  }
  const cluster = config.getCurrentCluster()
  if (cluster !== null && cluster.server !== NOBODYS_SERVER) {
    const proxyUrl = cluster.proxyUrl ?? proxyFor(cluster.server)
    const reached = { ...cluster, ...(proxyUrl !== undefined && { proxyUrl }) }
    config.clusters = config.clusters.map(known => (known === cluster ? reached : known))
    return config
  }
  const current = config.getCurrentContext()
  throw new Failure('misused', `The kubeconfig has no cluster for its context "${current}"`, {
    mend: 'kubectl config use-context <name>, or set KUBECONFIG to the file of the cluster',
  })
}

const unknownContext = (context: string, known: string[]) =>
  new Failure(
    'misused',
    `knowledge-stack:kubernetes.context is "${context}"; the kubeconfig has ${known.join(', ') || 'none'}`,
    { mend: 'set knowledge-stack:kubernetes.context to one of these' },
  )
