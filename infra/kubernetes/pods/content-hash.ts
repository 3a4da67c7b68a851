import { createHash } from 'node:crypto'
import type { apps } from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'

/**
 * What makes a pod another when a file that it is given is another: Kubernetes itself starts none anew for that.
 * It tells nothing of what it was made from, so it is no secret where that is one.
 */
export const hashOf = (...texts: pulumi.Input<string>[]): pulumi.Output<string> =>
  pulumi.unsecret(
    pulumi
      .all(texts)
      .apply(all => createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16)),
  )

/** The annotation that holds it. */
export const FILES_HASH = 'knowledge-stack/files'

/** Another text when the pods of a workload are others, by what they were made from or because all is made anew. */
export const workloadHash = ({ metadata, spec }: apps.v1.StatefulSet | apps.v1.Deployment) =>
  hashOf(metadata.uid, pulumi.jsonStringify(spec.template))
