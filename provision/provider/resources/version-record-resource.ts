import type { VersionArgs } from '../../../infra/resources.ts'
import { RecordedServer } from '../../../infra/settings/server-version.ts'
import { changeJsonRecord } from '../../json-record.ts'
import { recordKind } from './resource-kind.ts'

/** The record of which server the stack was deployed with. It stays as the data does. */
export const versionRecordKind = recordKind(({ file, version, image }: VersionArgs) =>
  changeJsonRecord(file, RecordedServer, () => ({ version, image })),
)
