import { join } from 'node:path'
import { Outputs } from '../../infra/outputs.ts'
import { deployedLayout, Layout } from '../../infra/ownership/data-layout.ts'
import { layoutRecordOf, localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { readJsonRecord } from '../json-record.ts'

/** How the data of a stack is laid out, as its home folder says; undefined where there is none yet. */
export async function recordedLayout({ home }: Settings): Promise<Partial<Layout> | undefined> {
  const recorded = await readJsonRecord(layoutRecordOf(home), Layout)
  if (recorded !== undefined) return recorded
  // An older version wrote down only what it started the API with.
  const outputs = await readJsonRecord(join(localPaths(home).state, 'outputs.json'), Outputs)
  return outputs && deployedLayout(outputs)
}
