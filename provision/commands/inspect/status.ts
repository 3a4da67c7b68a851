import { openDeployment } from '../../../checks/connected-deployment.ts'
import type { BackupRecords } from '../../../checks/store/backup-records.ts'
import { reasonOf } from '../../../infra/failure.ts'
import type { StackFile } from '../../../infra/settings/settings-file.ts'
import { counted, formatDuration, type Millis, seconds } from '../../../infra/units.ts'
import { findDeployed } from '../../deployed.ts'
import { recordedLayout } from '../../ownership/recorded-layout.ts'
import { openStackFile } from '../../read-models.ts'
import { commandsFor } from '../../targets/targets.ts'
import { describeInterrupted, readUpgrade } from '../../upgrade/upgrade-record.ts'
import {
  type CommandContext,
  type CommandSpec,
  STACK_FLAGS,
  type StackOptions,
} from '../command.ts'

/** What of a stack runs, seen from the machine and not from the state. */
export const status: CommandSpec<StackOptions> = {
  name: 'status',
  description: 'show what runs',
  options: STACK_FLAGS,
  async run(options, context) {
    const stack = await openStackFile(options.stack, options.configFile)
    const { settings } = stack
    const target = await commandsFor(settings)
    const processes = await target.status(settings)
    const { last, unknown } = await lastBackup(stack, context)
    const upgrade = await readUpgrade(settings)
    const rows = processes.map(
      ({ name, url, state, log }) =>
        `  ${name.padEnd(10)} ${url.padEnd(24)} ${state.padEnd(16)} ${log}`,
    )
    return {
      text: [
        `Stack ${settings.stack} in ${settings.home}`,
        ...rows,
        `Last backup: ${unknown ?? describe(last)}`,
        ...(upgrade === undefined ? [] : [describeInterrupted(upgrade, settings)]),
      ].join('\n'),
      document: {
        stack: settings.stack,
        home: settings.home,
        processes,
        backup: last ?? null,
        ...(unknown !== undefined && { backupUnknown: unknown }),
        upgrade: upgrade ?? null,
      },
    }
  },
}

const READ_WITHIN: Millis = seconds(10)

type Last = Awaited<ReturnType<BackupRecords['last']>>

/** As it is recorded beside the data. @returns why it is not known where that cannot be read */
async function lastBackup(
  stack: StackFile,
  { steps, signal }: CommandContext,
): Promise<{ last?: Last; unknown?: string }> {
  if ((await recordedLayout(stack.settings)) === undefined) return {}
  try {
    const deployed = await findDeployed(stack, steps)
    if (deployed === undefined) return { unknown: 'not known while the stack is down' }
    const deployment = await openDeployment(deployed.outputs)
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(READ_WITHIN)])
      return { last: await deployment.knowledge().backups.last(within) }
    } finally {
      await deployment.close()
    }
  } catch (error) {
    return { unknown: `not known: ${reasonOf(error)}` }
  }
}

function describe(last: Last): string {
  if (last === undefined) return 'none'
  const age = `${formatDuration(Date.now() - Date.parse(last.created))} ago`
  const where = 'archive' in last ? ` in ${last.archive}` : ''
  return `${age}, ${counted(last.records, 'record')}${where}`
}
