import type { z } from 'zod'
import { LAYOUT, OBJECT_OWNER_LABEL } from '../../infra/kubernetes/kubernetes-names.ts'
import { Layout } from '../../infra/ownership/data-layout.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { ownerOf } from '../ownership/home-owner.ts'
import { askIfThere, openCluster } from './cluster-client.ts'

/** How the data of a stack on a cluster is laid out; undefined where there is none yet, or it is another stack's. */
export async function clusterLayout(settings: Settings): Promise<Partial<Layout> | undefined> {
  const cluster = await openCluster(settings)
  const { namespace } = settings.kubernetes
  const question = cluster.core.readNamespacedConfigMap({ name: LAYOUT, namespace })
  const recorded = await askIfThere(
    cluster,
    `the object ${LAYOUT} in namespace ${namespace}`,
    question,
  )
  const owner = recorded?.metadata?.labels?.[OBJECT_OWNER_LABEL]
  // One without an owner is of an older version. What the state has is looked at in any case (takeOver).
  if (owner !== undefined && owner !== (await ownerOf(settings)).id) return undefined
  const { data } = recorded ?? {}
  if (data?.shards === undefined) return undefined
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, fieldOf(key, text)]))
}

/** A number where a layout has one: a ConfigMap has texts alone. */
function fieldOf(key: string, text: string): string | number {
  const { [key]: field } = Layout.shape as Partial<Record<string, z.ZodType>>
  return field === undefined || field.safeParse(text).success ? text : Number(text)
}
