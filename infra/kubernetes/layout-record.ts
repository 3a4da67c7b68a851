import { core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { CHROMA, LAYOUT, objectLabels } from './kubernetes-names.ts'
import type { PodServerArgs } from './server-args.ts'

/** Writes down how the data is laid out, for as long as the data is there: see infra/ownership/data-layout.ts. */
export function recordLayout({ layout, retaining }: PodServerArgs, dependsOn: pulumi.Resource[]) {
  const data = Object.entries(layout).map(([key, value]) => [key, `${value}`])
  return new core.v1.ConfigMap(
    LAYOUT,
    { metadata: { name: LAYOUT, labels: objectLabels(CHROMA) }, data: Object.fromEntries(data) },
    { ...retaining, retainOnDelete: true, dependsOn },
  )
}
