import { writeFile } from 'node:fs/promises'
import { exitCode } from '../../../checks/report.ts'
import { toJUnit } from '../../../checks/report-junit.ts'
import { toTable } from '../../../checks/report-table.ts'
import { chosenDeployment } from '../../deployed.ts'
import { recordVerification } from '../../status/record-verification.ts'
import { HELP, verifyStep } from '../../steps/verify-step.ts'
import { type CommandSpec, type StackOptions, TARGET_FLAGS } from '../command.ts'

interface VerifyOptions extends Partial<StackOptions> {
  readOnly?: boolean
  write?: boolean
  deep?: boolean
  junit?: string
}

/** The checks, against a stack or against the deployment that the environment variables name. */
export const verify: CommandSpec<VerifyOptions> = {
  name: 'verify',
  description: 'prove that a deployment is healthy, embeds rightly and keeps creators apart',
  options: [
    ...TARGET_FLAGS,
    {
      flags: '--read-only',
      description: 'write and load nothing (the default where this project did not deploy)',
    },
    { flags: '--write', description: 'write probes although this project did not deploy' },
    {
      flags: '--deep',
      description: 'look at every record and every byte of the models, not at samples',
    },
    { flags: '--junit <file>', description: 'write the report as JUnit XML too' },
  ],
  async run(options, { steps }) {
    const { outputs, settings } = await chosenDeployment(options, steps)
    const readOnly = options.readOnly ?? (settings === undefined && options.write !== true)
    const report = await verifyStep(outputs, { readOnly, deep: options.deep ?? false }, steps)
    if (settings !== undefined) await recordVerification(outputs, report)
    if (options.junit !== undefined) await writeFile(options.junit, toJUnit(report))
    const help = report.verdict === 'failed' && settings !== undefined ? `\n${HELP}` : ''
    return { text: toTable(report) + help, document: report, exitCode: exitCode(report) }
  },
}
