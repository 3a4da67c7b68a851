import type { VersionArgs } from '../../../infra/resources.ts'
import { ServerVersion } from '../../../infra/settings/server-version.ts'
import { changeJsonRecord } from '../../json-record.ts'
import { recordKind } from './resource-kind.ts'

/** Of before images were recorded it has none. */
const Recorded = ServerVersion.partial({ image: true })

/** The record of which server the stack was deployed with. It stays as the data does. */
export const versionRecordKind = recordKind(({ file, version, image }: VersionArgs) =>
  changeJsonRecord(file, Recorded, () => ({ version, image })),
)
