import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { NewDocument } from '../../../checks/store/records/document.ts'

export const DIMENSION = 8

/** The texts of a version of a document of so many chunks. */
export const textsOfVersion = (version: number, count: number): string[] =>
  Array.from({ length: count }, (_, chunk) => `${version} ${chunk}`)

export const versionOf = (id: string, version: number, count: number): NewDocument => ({
  id,
  chunks: textsOfVersion(version, count).map(text => ({
    text,
    vector: vectorFor(text, DIMENSION),
  })),
})

/** What a writer says of a document that it has written, and read again. */
export interface Acknowledged {
  creator: string
  document: string
  /** Absent where it failed. */
  texts?: string[]
  /** What was read where it was not that. */
  wrong?: string[]
  failed?: string
}
