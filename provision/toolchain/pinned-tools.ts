import satisfies from 'semver/functions/satisfies.js'

/** What is obtained: the engine that deploys, and the two servers. */
export type ToolName = 'pulumi' | 'ollama' | 'chroma'

export interface Pin {
  /** As people call it. */
  title: string
  /** The version that is obtained when none is found. */
  version: string
  /** The versions that are taken when found, and why no others. */
  accepts: string
  because: string
  binary: string
  /** How the binary is asked for its version, and where its answer says it. */
  ask: { arguments: string[]; environment: Record<string, string>; answer: RegExp }
}

/** The versions of the toolchain: a new version is pinned here, and in the go.mod of what is built from source. */
export const PINS: Record<ToolName, Pin> = {
  pulumi: {
    title: 'Pulumi',
    version: '3.250.0',
    accepts: '>=3.250.0 <4',
    because: 'the SDK of this project is no newer than its engine',
    binary: 'pulumi',
    ask: {
      arguments: ['version'],
      environment: { PULUMI_SKIP_UPDATE_CHECK: 'true' },
      answer: /^v(\d\S*)/m,
    },
  },
  ollama: {
    title: 'Ollama',
    version: '0.17.4',
    accepts: '>=0.17.1 <0.25.0',
    because: 'below lies CVE-2026-7482, above an engine whose memory this project cannot plan',
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
    version: '1.5.9',
    // Chroma's command line has versions of its own, and is all that the binary tells: 1.5.9 says 1.4.4.
    accepts: '>=1.4.4 <2',
    because: 'the command line of Chroma 1.5.9 says 1.4.4',
    binary: 'chroma',
    ask: { arguments: ['--version'], environment: {}, answer: /(\d+\.\d+\.\d+\S*)/ },
  },
}

/** Why a version that was found is not taken; undefined when it is. */
export function versionProblem(part: ToolName, version: string): string | undefined {
  const { accepts, because } = PINS[part]
  if (satisfies(version, accepts)) return undefined
  return `is ${version}, not ${accepts}: ${because}`
}
