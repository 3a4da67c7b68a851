import { BODY_PARTS, DOCUMENT_BODY, DOCUMENT_TEXT } from '../../../checks/api/traffic/limits.ts'

export const DIMENSION = 8
export const VECTOR = Array.from({ length: DIMENSION }, (_, index) => index + 1)

/** Of every chunk that attackers filter, and of others'. */
export const METADATA = { n: 1 }

/** An object of so many keys. */
export const keysTo = (count: number): string =>
  `{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join()}}`

/** As long as a body may be and of as many parts, each of which is wrong. */
export function partsOfAllKinds(): string {
  const count = BODY_PARTS - 2
  const long = 'x'.repeat(DOCUMENT_BODY / count - 20)
  const keys = Array.from({ length: count }, (_, index) => `"${index}${long}":null`)
  return `{"text":"a","metadata":{${keys.join()}}}`
}

/** A document of which a page takes some megabytes. */
export function longDocument(): string {
  const chunks = Array.from({ length: 480 }, () => ({ text: 'x'.repeat(8000), vector: VECTOR }))
  return JSON.stringify({ chunks, metadata: METADATA })
}

/** As long as a text may be. */
export const longText = (): string => 'A sentence. '.repeat(DOCUMENT_TEXT / 12)
