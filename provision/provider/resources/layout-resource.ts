import { Layout } from '../../../infra/ownership/data-layout.ts'
import type { LayoutArgs } from '../../../infra/resources.ts'
import { changeJsonRecord } from '../../json-record.ts'
import { type ResourceKind, recordKind } from './resource-kind.ts'

/** The record of how the data is laid out. It stays as the data does, and goes on saying to where that was moved since. */
export const layoutKind: ResourceKind<LayoutArgs, LayoutArgs> = {
  ...recordKind(({ file, layout }: LayoutArgs) =>
    changeJsonRecord(file, Layout, before =>
      before !== undefined && before.generation > layout.generation ? before : layout,
    ),
  ),
  upgraded: state => ({ ...state, layout: Layout.parse(state.layout) }),
}
