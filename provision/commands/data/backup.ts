import { Failure } from '../../../infra/failure.ts'
import { PROJECT } from '../../../infra/project.ts'
import { versionsOf } from '../../../infra/servers/backup-request.ts'
import { MOST_KEPT } from '../../../infra/settings/backup-settings.ts'
import { archiveScratchOf } from '../../../infra/settings/home-paths.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { counted } from '../../../infra/units.ts'
import { storageAt } from '../../backup/archives.ts'
import { describeBackup, takeBackup } from '../../backup/take-backup.ts'
import { timerLine } from '../../backup/timer-line.ts'
import { openStackFile } from '../../read-models.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'
import { RATE_FLAG, repeated, wholeNumber } from '../flags.ts'
import { withDeployment } from './with-deployment.ts'

interface BackupOptions extends StackOptions {
  to?: string
  creator?: string
  recipient?: string[]
  rate?: number
  keep?: number
  timer?: boolean
}

/** Saves what creators have in an archive, while the stack is used. */
export const backup: CommandSpec<BackupOptions> = {
  name: 'backup',
  description:
    'save what creators have in an archive of Parquet files, while they are read and written',
  options: [
    ...STACK_FLAGS,
    {
      flags: '--to <place>',
      description:
        "a folder, or s3://BUCKET/PREFIX, in which the archive gets a folder of its own; that of the stack's settings when absent",
    },
    { flags: '--creator <id>', description: 'of one creator alone' },
    {
      flags: '--recipient <key>',
      description:
        "public key of age (age1…) that the files are encrypted for; may be given several times. Those of the stack's settings when absent",
      parse: repeated,
    },
    RATE_FLAG,
    {
      flags: '--keep <number>',
      description:
        'once it is there, delete the oldest that this stack has put in the same place, but for so many',
      parse: wholeNumber(1, MOST_KEPT),
    },
    {
      flags: '--timer',
      description:
        "only print the line of a crontab that takes backups as the stack's settings say",
    },
  ],
  async run(options, context) {
    const { settings } = await openStackFile(options.stack, options.configFile)
    if (options.timer) {
      const line = timerLine(settings, options)
      return { text: line, document: { line } }
    }
    const { to, endpoint, ...asked } = askedOf(options, settings)
    const storage = await storageAt(to, endpoint)
    const { steps } = context
    return withDeployment(options, 'backup', context, async deployment => {
      const done = await steps.run(
        'backup',
        task => takeBackup(deployment.knowledge(), storage, asked, task),
        ({ records, creators }) =>
          `${counted(records, 'record')} of ${counted(creators, 'creator')}`,
      )
      return { text: describeBackup(done), document: done }
    })
  },
}

/** What the options ask for, and the settings where they say nothing; what is kept is kept of the settings' own place. */
function askedOf({ to, creator, recipient, rate, keep }: BackupOptions, settings: Settings) {
  const { stack, home, backup } = settings
  const place = to ?? backup?.to
  if (place === undefined) {
    throw new Failure('misused', `Nothing says where the backup of stack ${stack} is to go`, {
      mend: `name a folder or s3://BUCKET/PREFIX: npm run backup -- --stack ${stack} --to PLACE; or set ${PROJECT}:backup`,
    })
  }
  return {
    stack,
    versions: versionsOf(settings),
    to: place,
    endpoint: backup?.endpoint,
    creator,
    recipients: recipient ?? backup?.recipients ?? [],
    rate: rate ?? backup?.rate,
    keep: keep ?? (to === undefined && creator === undefined ? backup?.keep : undefined),
    folder: archiveScratchOf(home),
  }
}
