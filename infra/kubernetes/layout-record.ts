import { core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { layoutOf } from '../ownership/data-layout.ts'
import { CHROMA, LAYOUT, objectLabels } from './kubernetes-names.ts'
import type { PodServerArgs } from './server-args.ts'

/** Writes down how the data is laid out, for as long as the data is there: see infra/ownership/data-layout.ts. */
export function recordLayout({ settings, retaining }: PodServerArgs, dependsOn: pulumi.Resource[]) {
  const layout = Object.entries(layoutOf(settings)).map(([key, value]) => [key, `${value}`])
  return new core.v1.ConfigMap(
    LAYOUT,
    { metadata: { name: LAYOUT, labels: objectLabels(CHROMA) }, data: Object.fromEntries(layout) },
    { ...retaining, retainOnDelete: true, dependsOn },
  )
}
