import { Layout } from '../../../infra/ownership/data-layout.ts'
import type { LayoutArgs } from '../../../infra/resources.ts'
import { changeJsonRecord } from '../../json-record.ts'
import type { ResourceKind } from './resource-kind.ts'

/** The record of how the data is laid out. It outlives the stack, as the data does. */
export const layoutKind: ResourceKind<LayoutArgs, LayoutArgs> = {
  results: [],

  create: keep,
  // The folder may be on another machine by now.
  read: keep,
  update: (_state, args) => keep(args),
  async delete() {},
}

async function keep(args: LayoutArgs): Promise<LayoutArgs> {
  await changeJsonRecord(args.file, Layout, () => args.layout)
  return args
}
