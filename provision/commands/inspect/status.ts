import { counted, formatDuration } from '../../../infra/units.ts'
import { type Backup, lastBackup } from '../../backups.ts'
import { openStackFile } from '../../read-models.ts'
import { commandsFor } from '../../targets/targets.ts'
import { describeInterrupted, readUpgrade } from '../../upgrade/upgrade-record.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'

/** What of a stack runs, seen from the machine and not from the state. */
export const status: CommandSpec<StackOptions> = {
  name: 'status',
  description: 'show what runs',
  options: STACK_FLAGS,
  async run(options) {
    const { settings } = await openStackFile(options.stack, options.configFile)
    const target = await commandsFor(settings)
    const processes = await target.status(settings)
    const backup = await lastBackup(settings.home)
    const upgrade = await readUpgrade(settings)
    const rows = processes.map(
      ({ name, url, state, log }) =>
        `  ${name.padEnd(10)} ${url.padEnd(24)} ${state.padEnd(16)} ${log}`,
    )
    return {
      text: [
        `Stack ${settings.stack} in ${settings.home}`,
        ...rows,
        `Last backup: ${describe(backup)}`,
        ...(upgrade === undefined ? [] : [describeInterrupted(upgrade, settings)]),
      ].join('\n'),
      document: {
        stack: settings.stack,
        home: settings.home,
        processes,
        backup: backup ?? null,
        upgrade: upgrade ?? null,
      },
    }
  },
}

function describe(backup: Backup | undefined): string {
  if (backup === undefined) return 'none'
  const { created, records, archive } = backup
  const age = formatDuration(Date.now() - Date.parse(created))
  return `${age} ago, ${counted(records, 'record')} in ${archive}`
}
