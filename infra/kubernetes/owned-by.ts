import type * as pulumi from '@pulumi/pulumi'
import { OBJECT_OWNER_LABEL } from './kubernetes-names.ts'

const OF_CLUSTER = /^kubernetes:/

/**
 * Has every object of a component carry its owner, whatever makes it, and what a controller makes of it: the claims of a
 * StatefulSet, the Jobs of a CronJob. Selectors stay without: they could not be changed where a version without owners made them.
 * @param owner id of the stack's owner
 */
export const ownedBy =
  (owner: pulumi.Input<string>): pulumi.ResourceTransformation =>
  ({ type, props, opts }) => {
    if (!OF_CLUSTER.test(type)) return undefined
    const owned = (object: Labelled) => ({
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...object.metadata?.labels, [OBJECT_OWNER_LABEL]: owner },
      },
    })
    const { spec } = props
    const claims = spec?.volumeClaimTemplates?.map(owned)
    const job = spec?.jobTemplate && owned(spec.jobTemplate)
    return {
      props: {
        ...owned(props),
        ...(claims && { spec: { ...spec, volumeClaimTemplates: claims } }),
        ...(job && { spec: { ...spec, jobTemplate: job } }),
      },
      opts,
    }
  }

interface Labelled {
  metadata?: { labels?: Record<string, pulumi.Input<string>> }
}
