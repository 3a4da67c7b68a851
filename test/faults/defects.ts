import type { Defect } from './defect.ts'
import { ANSWERS } from './defects/answers.ts'
import { CHAT } from './defects/chat.ts'
import { CHROMA } from './defects/chroma.ts'
import { COLLECTIONS } from './defects/collections.ts'
import { CONFIGURATION } from './defects/configuration.ts'
import { EMBEDDINGS } from './defects/embeddings.ts'
import { MODELS } from './defects/models.ts'
import { RECORDS } from './defects/records.ts'

/** Every defect that the verification is held to catch. Adding one is one entry in the file that it belongs to. */
export const DEFECTS: readonly Defect[] = [
  ...ANSWERS,
  ...CHROMA,
  ...RECORDS,
  ...COLLECTIONS,
  ...EMBEDDINGS,
  ...CHAT,
  ...MODELS,
  ...CONFIGURATION,
]
