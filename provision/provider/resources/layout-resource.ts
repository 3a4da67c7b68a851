import { Layout } from '../../../infra/ownership/data-layout.ts'
import type { LayoutArgs } from '../../../infra/resources.ts'
import { changeJsonRecord } from '../../json-record.ts'
import { recordKind } from './resource-kind.ts'

/** The record of how the data is laid out. It stays as the data does. */
export const layoutKind = recordKind(({ file, layout }: LayoutArgs) =>
  changeJsonRecord(file, Layout, () => layout),
)
