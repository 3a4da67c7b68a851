import { cosineDistance } from '../../../checks/store/query/rank.ts'
import { parseText, vectorOf } from './chunk-texts.ts'

/** A chunk as the API answers with it; of a hit, with its distance. */
export interface AnsweredChunk {
  document: string
  index: number
  text: string
  metadata: Record<string, unknown>
  distance?: number
}

/** What an answer shows of its documents, and what is wrong with it as it stands. */
export interface Shown {
  /** By document. */
  versions: Map<string, number>
  faults: string[]
}

/** Chroma computes with 32 bits. */
const PRECISION = 1e-4

/**
 * Takes an answer apart: each document in one version, with each chunk once and with its own text.
 * @param isWhole whether all chunks of the version are to be there
 */
export function shownIn(chunks: readonly AnsweredChunk[], isWhole: boolean): Shown {
  const shown: Shown = { versions: new Map(), faults: [] }
  for (const [document, own] of Map.groupBy(chunks, chunk => chunk.document)) {
    const fault = faultOf(own, isWhole)
    if (fault === undefined) shown.versions.set(document, parseText(own[0]!.text)!.version)
    else shown.faults.push(`document ${document}: ${fault}`)
  }
  return shown
}

/** @param own chunks of one document */
function faultOf(own: readonly AnsweredChunk[], isWhole: boolean): string | undefined {
  const parsed = own.map(({ text }) => parseText(text))
  const [first] = parsed
  if (first === undefined) return `a text of another making: ${own[0]?.text}`
  const { version, count } = first
  const parts = Map.groupBy(parsed, text => text?.version)
  if (parts.size > 1) {
    const told = [...parts].map(([each, of]) => `${of.length} of the ${of[0]?.count} of ${each}`)
    return `mixed of versions: ${told.join(', ')}`
  }
  const indexes = new Set(parsed.map(text => text?.index))
  if (indexes.size < own.length) {
    return `version ${version} has chunks twice: ${own.length} of ${indexes.size}`
  }
  if (isWhole && own.length !== count) {
    return `version ${version} has ${own.length} of its ${count} chunks`
  }
  if (own.some(({ index }, at) => parsed[at]?.index !== index)) {
    return `version ${version} has chunks at the places of others`
  }
  if (own.some(({ metadata }) => metadata.version !== version)) {
    return `version ${version} has the metadata of another`
  }
  return undefined
}

/** What is wrong with hits, beside what each document shows. */
export function faultsOfHits(hits: readonly AnsweredChunk[], vector: readonly number[]): string[] {
  const distances = hits.map(({ distance = Number.NaN }) => distance)
  const wrong = hits.find(
    ({ text, distance = Number.NaN }) =>
      !(Math.abs(distance - cosineDistance(vectorOf(text), vector)) < PRECISION),
  )
  const isSorted = distances.every((distance, at) => at === 0 || distances[at - 1]! <= distance)
  return [
    ...(wrong === undefined
      ? []
      : [`the distance is not the text's own: ${JSON.stringify(wrong)}`]),
    ...(isSorted ? [] : ['the hits are not in the order of their distances']),
  ]
}
