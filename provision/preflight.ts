import { join } from 'node:path'
import { z } from 'zod'
import { type Layout, requireLayout } from '../infra/layout.ts'
import { localPaths } from '../infra/local/paths.ts'
import type { Settings } from '../infra/settings.ts'
import { openCluster } from './cluster/cluster.ts'
import { clusterLayout } from './cluster/layout.ts'
import { requireCluster } from './cluster/preflight.ts'
import { volumesLayout } from './docker/layout.ts'
import { requireDocker } from './docker/preflight.ts'
import { readRecord } from './models/record.ts'

/**
 * Requires, before anything is planned or made, what would else be found out too late: that the cluster takes the
 * stack, and that data which is there stays where it is looked for.
 * @throws Failure that names the object or setting and what is wrong with it
 */
export async function preflight(settings: Settings): Promise<void> {
  if (settings.target === 'docker') {
    await requireDocker(settings)
    requireLayout(settings, await volumesLayout(settings))
    return
  }
  if (settings.target === 'local') {
    requireLayout(settings, await recordedLayout(settings))
    return
  }
  const cluster = await openCluster(settings)
  await requireCluster(settings, cluster)
  requireLayout(settings, await clusterLayout(settings, cluster))
}

/** As far as it is asked: the outputs that the API was started with. */
const Recorded = z.object({
  chroma: z.object({ shards: z.int(), instances: z.array(z.unknown()) }),
})

async function recordedLayout({ home }: Settings): Promise<Layout | undefined> {
  const recorded = await readRecord(join(localPaths(home).state, 'outputs.json'), Recorded)
  if (recorded === undefined) return undefined
  const { shards, instances } = recorded.chroma
  return { shards, instances: instances.length }
}
