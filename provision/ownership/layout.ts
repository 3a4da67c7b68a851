import { join } from 'node:path'
import { deployedLayout, Layout } from '../../infra/layout.ts'
import { layoutRecordOf, localPaths } from '../../infra/local/paths.ts'
import { Outputs } from '../../infra/outputs.ts'
import type { Settings } from '../../infra/settings.ts'
import { readRecord } from '../models/record.ts'

/** How the data of a stack is laid out, as its home folder says; undefined where there is none yet. */
export async function recordedLayout({ home }: Settings): Promise<Partial<Layout> | undefined> {
  const recorded = await readRecord(layoutRecordOf(home), Layout)
  if (recorded !== undefined) return recorded
  // An older version wrote down only what it started the API with.
  const outputs = await readRecord(join(localPaths(home).state, 'outputs.json'), Outputs)
  return outputs && deployedLayout(outputs)
}
