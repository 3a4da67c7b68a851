import { core, Provider, type ProviderArgs } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { KubernetesSettings } from '../settings/kubernetes-settings.ts'

/** The cluster, as its API server is talked to by the official provider, and the stack's place in it. */
export interface ClusterProviders {
  namespace: core.v1.Namespace | undefined
  /** For what is the update's own: made, changed, deleted. */
  provider: Provider
  /** For what outlives `destroy`. */
  retaining: Provider
}

/** @param parent the component that everything belongs to */
export function clusterOf(
  name: string,
  { context, namespace: place, sharedNamespace }: KubernetesSettings,
  parent: pulumi.Resource,
): ClusterProviders {
  const args: ProviderArgs = {
    ...(context !== '' && { context }),
    namespace: place,
    // Their names stay: pods are started anew by a hash of what they hold.
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    // What somebody changed by hand is put right; what the program says nothing of stays theirs.
    enablePatchForce: true,
    // What is there is the stack's own by now (Effects.takeOver): of an update that was killed, or kept by `destroy`.
    upsertExistingObjects: true,
  }
  const retaining = new Provider(`${name}-cluster-keeper`, args, { parent })
  const namespace = sharedNamespace
    ? undefined
    : stackNamespace(place, { parent, provider: retaining })
  // What it makes comes after the namespace that way, without being its child: children are retained with their
  // parent, and the namespace is.
  const provider = new Provider(`${name}-cluster`, args, {
    parent,
    ...(namespace && { dependsOn: namespace }),
  })
  return { namespace, provider, retaining }
}

/** Pods that the restricted standard does not admit are refused by the API server. */
const RESTRICTED = Object.fromEntries(
  ['enforce', 'audit', 'warn'].map(mode => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
)

/** The stack's namespace. It stays on `destroy`: deleted, it would take the claims with it. */
const stackNamespace = (name: string, options: pulumi.CustomResourceOptions) =>
  new core.v1.Namespace(
    name,
    { metadata: { name, labels: RESTRICTED } },
    { ...options, retainOnDelete: true },
  )
