import * as kubernetes from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { KubernetesSettings } from './settings.ts'

/** The cluster, as its API server is talked to by the official provider. */
export interface Cluster {
  /** For what is the update's own: made anew, changed, deleted. */
  provider: kubernetes.Provider
  /** For what outlives `destroy` and is found again: what is there already is taken over. */
  keeper: kubernetes.Provider
}

/** @param parent the component that everything belongs to */
export function clusterOf(
  name: string,
  { context, namespace }: KubernetesSettings,
  parent: pulumi.Resource,
): Cluster {
  const args: kubernetes.ProviderArgs = {
    ...(context !== '' && { context }),
    namespace,
    // Their names stay: pods are started anew by a hash of what they hold.
    enableConfigMapMutable: true,
    enableSecretMutable: true,
  }
  return {
    provider: new kubernetes.Provider(`${name}-cluster`, args, { parent }),
    keeper: new kubernetes.Provider(
      `${name}-cluster-keeper`,
      { ...args, upsertExistingObjects: true },
      { parent },
    ),
  }
}
