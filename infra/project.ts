import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** As Pulumi.yaml has it; the prefix of every setting. */
export const PROJECT = 'knowledge-stack'

/** The folder that holds Pulumi.yaml and the stacks' files. */
export const PROJECT_ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

export const { version: PROJECT_VERSION } = JSON.parse(
  readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'),
) as { version: string }
