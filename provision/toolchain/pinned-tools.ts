import satisfies from 'semver/functions/satisfies.js'
import { DEFAULT_CHROMA } from '../../infra/settings/chroma-version.ts'
import {
  DEFAULT_OLLAMA,
  versionProblem as ollamaProblem,
  SUPPORTED_OLLAMA,
} from '../../infra/settings/ollama-version.ts'

/** What is obtained: the engine that deploys, and the two servers. */
export type ToolName = 'pulumi' | 'ollama' | 'chroma'

/** The versions that are wanted in place of the pinned ones. */
export type WantedVersions = Partial<Record<ToolName, string | undefined>>

export interface Pin {
  /** As people call it. */
  title: string
  /** The version that is obtained when none is found. */
  version: string
  /** The versions that are taken when found, and why no others; absent where only the very version is taken. */
  accepts?: { range: string; because: string }
  binary: string
  /** How the binary is asked for its version, and where its answer says it. */
  ask: { arguments: string[]; environment: Record<string, string>; answer: RegExp }
}

/** The versions of the toolchain: a new version is pinned here, and in the go.mod of what is built from source. */
export const PINS: Record<ToolName, Pin> = {
  pulumi: {
    title: 'Pulumi',
    version: '3.250.0',
    accepts: {
      range: '>=3.250.0 <4',
      because: 'the SDK of this project is no newer than its engine',
    },
    binary: 'pulumi',
    ask: {
      arguments: ['version'],
      environment: { PULUMI_SKIP_UPDATE_CHECK: 'true' },
      answer: /^v(\d\S*)/m,
    },
  },
  ollama: {
    title: 'Ollama',
    version: DEFAULT_OLLAMA,
    binary: 'ollama',
    ask: {
      arguments: ['--version'],
      // Nobody listens on the discard port: the answer is the binary's own version, not a running server's.
      environment: { OLLAMA_HOST: '127.0.0.1:9' },
      answer: /version is (\d\S*)/,
    },
  },
  chroma: {
    title: 'Chroma',
    version: DEFAULT_CHROMA,
    binary: 'chroma',
    ask: { arguments: ['--version'], environment: {}, answer: /(\d+\.\d+\.\d+\S*)/ },
  },
}

/** The version that is wanted of a part: what a stack names, else the pinned one. */
export const wantedVersion = (part: ToolName, { versions }: { versions: WantedVersions }): string =>
  versions[part] ?? PINS[part].version

/** Why a version that was found is not taken; undefined when it is. */
export function versionProblem(
  part: ToolName,
  version: string,
  options: { versions: WantedVersions } = { versions: {} },
): string | undefined {
  const { accepts } = PINS[part]
  if (accepts !== undefined) {
    const { range, because } = accepts
    return satisfies(version, range) ? undefined : `is ${version}, not ${range}: ${because}`
  }
  const wanted = wantedVersion(part, options)
  if (part === 'chroma') return chromaProblem(version, wanted)
  if (version === wanted) return undefined
  const problem = ollamaProblem(version)
  const how =
    problem === undefined
      ? `knowledge-stack:ollamaVersion ${version} would take it`
      : `it ${problem}; supported are ${SUPPORTED_OLLAMA}`
  return `is ${version}, and this stack asks for ${wanted}: ${how}`
}

/** Chroma's command line has versions of its own, and they are all that the binary tells. */
const COMMAND_LINES: Record<string, string> = { '1.5.8': '1.4.3', '1.5.9': '1.4.4' }

function chromaProblem(said: string, wanted: string): string | undefined {
  const known = COMMAND_LINES[wanted]
  if (said === known) return undefined
  const tells = known === undefined ? 'is not known here' : `says ${known}`
  return `says ${said}, and this stack asks for ${wanted}, whose command line ${tells}`
}
