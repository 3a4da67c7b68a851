import { ANSWERS } from './answers.ts'
import { CHAT } from './chat.ts'
import { CHROMA } from './chroma.ts'
import { COLLECTIONS } from './collections.ts'
import { CONFIGURATION } from './configuration.ts'
import type { Defect } from './defect.ts'
import { EMBEDDINGS } from './embeddings.ts'
import { MODELS } from './models.ts'
import { RECORDS } from './records.ts'

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
