import { core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'

/** Pods that the restricted standard does not admit are refused by the API server. */
const RESTRICTED = Object.fromEntries(
  ['enforce', 'audit', 'warn'].map(mode => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
)

/** The stack's namespace. It stays on `destroy`: deleted, it would take the claims with it. */
export const stackNamespace = (name: string, options: pulumi.CustomResourceOptions) =>
  new core.v1.Namespace(
    name,
    { metadata: { name, labels: RESTRICTED } },
    { ...options, retainOnDelete: true },
  )
