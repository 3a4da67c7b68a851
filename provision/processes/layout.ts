import { join } from 'node:path'
import { z } from 'zod'
import type { Layout } from '../../infra/layout.ts'
import { localPaths } from '../../infra/local/paths.ts'
import type { Settings } from '../../infra/settings.ts'
import { readRecord } from '../models/record.ts'

/** As far as it is asked: the outputs that the API was started with. */
const Recorded = z.object({
  chroma: z.object({ shards: z.int(), instances: z.array(z.unknown()) }),
})

/** How the data of a stack on this machine was laid out; undefined where there is none yet. */
export async function recordedLayout({ home }: Settings): Promise<Layout | undefined> {
  const recorded = await readRecord(join(localPaths(home).state, 'outputs.json'), Recorded)
  if (recorded === undefined) return undefined
  const { shards, instances } = recorded.chroma
  return { shards, instances: instances.length }
}
