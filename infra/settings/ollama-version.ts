import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { Failure } from '../failure.ts'
import { PROJECT } from '../project.ts'

/**
 * How an Ollama runs models, which its memory, its environment and what it makes of a file depend on. `allocating`: up
 * to 0.24 it allocates itself. `spawning`: from 0.30 it starts llama.cpp's own server for each model. No version was
 * released between the two, and nothing is known about one.
 */
export type Generation = 'allocating' | 'spawning'

/** What this project's suites ran against: version → what was run, in which build. */
const VersionTable = z.object({
  /** The newest that every way to an Ollama gives, and all suites ran against. */
  default: z.string(),
  ran: z.record(z.string(), z.string()),
})

const TABLE_FILE = new URL('../ollama-versions.json', import.meta.url)
const TABLE = VersionTable.parse(JSON.parse(readFileSync(TABLE_FILE, 'utf8')))

/** What made and served the models of stacks and lock entries that do not say which Ollama did: none newer was taken then. */
export const UNRECORDED_OLLAMA = '0.17.4'

/** The version of a stack that names none, whichever way it comes. */
export const DEFAULT_OLLAMA: string = TABLE.default

export const SUPPORTED_OLLAMA = '0.17.1 to 0.24, and 0.30 and newer'

/** Why what lies below is refused. */
const OLDEST = { minor: 17, patch: 1, because: 'below lies CVE-2026-7482' }
const LAST_ALLOCATING = 24
const FIRST_SPAWNING = 30

/**
 * The generation of a version such as `0.17.4`.
 * @throws Failure `misused` for one that this project does not know how to plan and to run
 */
export function generationOf(version: string): Generation {
  const problem = versionProblem(version)
  if (problem !== undefined) {
    throw new Failure(
      'misused',
      `Ollama ${version} ${problem}; supported are ${SUPPORTED_OLLAMA}`,
      { mend: `set ${PROJECT}:ollamaVersion to one of these, such as ${DEFAULT_OLLAMA}` },
    )
  }
  return minorOf(version) <= LAST_ALLOCATING ? 'allocating' : 'spawning'
}

/** Why a version is not supported, as what follows its name; undefined for one that is. */
export function versionProblem(version: string): string | undefined {
  const [, major, minor, patch, rest] = /^(\d+)\.(\d+)\.(\d+)(.*)$/.exec(version) ?? []
  if (major === undefined) return 'is not a version'
  if (major === '0' && minor === '0') return 'is a build without a version'
  if (rest !== '') return 'is not a release'
  if (Number(major) > 0) return undefined
  const isTooOld =
    Number(minor) < OLDEST.minor || (Number(minor) === OLDEST.minor && Number(patch) < OLDEST.patch)
  if (isTooOld) return `is too old: ${OLDEST.because}`
  const isBetween = Number(minor) > LAST_ALLOCATING && Number(minor) < FIRST_SPAWNING
  return isBetween ? 'lies between two engines, and how it takes memory is unknown' : undefined
}

/** A major version from 1 on is newer than all minor ones. */
function minorOf(version: string): number {
  const [major, minor] = version.split('.').map(Number)
  return major! > 0 ? Number.POSITIVE_INFINITY : minor!
}

/** What of this project's suites ran against a version; undefined for one that they never met. */
export const suitesOf = (version: string): string | undefined => TABLE.ran[version]

/** For people who run a version that no suite met; undefined for one that some did. */
export function neverRun(version: string): string | undefined {
  if (suitesOf(version) !== undefined) return undefined
  return `No suite of this project ever ran against Ollama ${version}; some did against ${Object.keys(TABLE.ran).join(', ')}.`
}

/** Ollama's own image of a version. */
export const ollamaImage = (version: string): string => `ollama/ollama:${version}`
