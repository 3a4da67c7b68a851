import { type core, Provider, type ProviderArgs } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { stackNamespace } from './namespace.ts'
import type { KubernetesSettings } from './settings.ts'

/** The cluster, as its API server is talked to by the official provider, and the stack's place in it. */
export interface Cluster {
  namespace: core.v1.Namespace
  /** For what is the update's own: made anew, changed, deleted. */
  provider: Provider
  /** For what outlives `destroy` and is found again: what is there already is taken over. */
  keeper: Provider
}

/** @param parent the component that everything belongs to */
export function clusterOf(
  name: string,
  { context, namespace: place }: KubernetesSettings,
  parent: pulumi.Resource,
): Cluster {
  const args: ProviderArgs = {
    ...(context !== '' && { context }),
    namespace: place,
    // Their names stay: pods are started anew by a hash of what they hold.
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    // What somebody changed by hand is put right; what the program says nothing of stays theirs.
    enablePatchForce: true,
  }
  const keeper = new Provider(
    `${name}-cluster-keeper`,
    { ...args, upsertExistingObjects: true },
    { parent },
  )
  const namespace = stackNamespace(place, { parent, provider: keeper })
  // What it makes comes after the namespace that way, without being its child: children are retained with their
  // parent, and the namespace is.
  const provider = new Provider(`${name}-cluster`, args, { parent, dependsOn: namespace })
  return { namespace, provider, keeper }
}
