import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'
import { type Check, type Finding, failed, passed, skipped, together, unchecked } from '../check.ts'

/** What of Chroma's configuration file matters here; absent is off. */
const Configuration = z.object({ allow_reset: z.boolean().default(false) })

const MEND = 'deploy again, which writes it anew: npm run up'

/**
 * Whether one request could wipe a store is read where the server reads it: the only way to ask the server would be
 * to wipe the store.
 */
export default {
  name: 'chroma-configuration',
  proves: 'No Chroma server is configured to let its whole store be wiped by one request',
  after: [],
  async run({ deployment }) {
    const findings: Finding[] = []
    for (const { configFile } of deployment.outputs.chroma.instances) {
      findings.push(
        configFile === undefined
          ? skipped("Chroma's configuration cannot be read from here")
          : await look(configFile),
      )
    }
    return together(findings)
  },
} satisfies Check

async function look(file: string): Promise<Finding> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return unchecked(`${file} cannot be read`, MEND)
  const configuration = Configuration.safeParse(parse(text))
  if (!configuration.success) return failed(`${file} is not a configuration of Chroma`, MEND)
  return configuration.data.allow_reset
    ? failed(`${file} says allow_reset: true, so anyone who reaches this Chroma can wipe it`, MEND)
    : passed(`${file} does not allow a reset`)
}
