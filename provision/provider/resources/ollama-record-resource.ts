import { z } from 'zod'
import type { OllamaRecordArgs } from '../../../infra/resources.ts'
import { changeJsonRecord } from '../../json-record.ts'
import { recordKind } from './resource-kind.ts'

/** Read by infra/settings/ollama-setting.ts. */
const Recorded = z.object({ version: z.string() })

/** The record of which Ollama the stack was deployed with. It stays as the data does. */
export const ollamaRecordKind = recordKind(({ file, version }: OllamaRecordArgs) =>
  changeJsonRecord(file, Recorded, () => ({ version })),
)
