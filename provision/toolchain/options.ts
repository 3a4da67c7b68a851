import { type Millis, seconds } from '../../infra/units.ts'
import { cacheFolder } from '../egress/certificate-variables.mjs'
import type { WantedVersions } from './pinned-tools.ts'

/** Where parts are looked for and kept. */
export interface ToolchainOptions {
  /** The folder that everything obtained is kept in, outside the checkout. */
  cache: string
  /** Take the last way only: from package registries, nothing from PATH and nothing from the vendors. */
  offlineBuild: boolean
  /** Where the vendors' releases lie: `<url>/v<version>/<file>`. */
  releases: { pulumi: string; ollama: string }
  /** A download that brings nothing for this long has stalled. */
  stallAfter: Millis
  env: NodeJS.ProcessEnv
  versions: WantedVersions
}

const GITHUB = 'https://github.com'

/** The options as the environment sets them: see the table in docs/settings.md. */
export function toolchainOptions(
  env: NodeJS.ProcessEnv,
  versions: WantedVersions = {},
): ToolchainOptions {
  return {
    cache: cacheFolder(env),
    offlineBuild: env.KNOWLEDGE_STACK_OFFLINE_BUILD === '1',
    releases: {
      pulumi: env.KNOWLEDGE_STACK_PULUMI_URL || `${GITHUB}/pulumi/pulumi/releases/download`,
      ollama: env.KNOWLEDGE_STACK_OLLAMA_URL || `${GITHUB}/ollama/ollama/releases/download`,
    },
    stallAfter: seconds(30),
    env,
    versions,
  }
}
