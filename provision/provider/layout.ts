import { Layout } from '../../infra/layout.ts'
import type { LayoutArgs } from '../../infra/resources.ts'
import { changeRecord } from '../models/record.ts'
import type { ResourceKind } from './resource.ts'

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
  await changeRecord(args.file, Layout, () => args.layout)
  return args
}
