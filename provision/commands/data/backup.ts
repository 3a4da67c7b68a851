import { backup as archive, type BackedUp } from '../../../checks/archive/backup.ts'
import { PROJECT_VERSION } from '../../../infra/project.ts'
import { archiveScratchOf } from '../../../infra/settings/home-paths.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { counted, formatBytes } from '../../../infra/units.ts'
import { storageAt } from '../../archives.ts'
import { clearBegun, keepNewest, recordBackup, recordBegun } from '../../backups.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'
import { RATE_FLAG, repeated, wholeNumber } from '../flags.ts'
import { withDeployment } from './with-deployment.ts'

interface BackupOptions extends StackOptions {
  to: string
  creator?: string
  recipient?: string[]
  rate?: number
  keep?: number
}

const MOST_KEPT = 10_000

/** Saves what creators have in an archive, while the stack is used. */
export const backup: CommandSpec<BackupOptions> = {
  name: 'backup',
  description:
    'save what creators have in an archive of Parquet files, while they are read and written',
  options: [
    ...STACK_FLAGS,
    {
      flags: '--to <place>',
      description: 'a folder, or s3://BUCKET/PREFIX, in which the archive gets a folder of its own',
      required: true,
    },
    { flags: '--creator <id>', description: 'of one creator alone' },
    {
      flags: '--recipient <key>',
      description:
        'public key of age (age1…) that the files are encrypted for; may be given several times. In the clear when absent',
      parse: repeated,
    },
    RATE_FLAG,
    {
      flags: '--keep <number>',
      description:
        'once it is there, delete the oldest that this stack has put in the same place, but for so many',
      parse: wholeNumber(1, MOST_KEPT),
    },
  ],
  async run({ to, creator, recipient: recipients = [], rate, keep, ...options }, context) {
    const storage = await storageAt(to)
    const { steps, signal } = context
    return withDeployment(options, 'backup', context, async (deployment, { settings }) => {
      const { stack, home } = settings
      const folder = archiveScratchOf(home)
      await clearBegun(home, storage)
      const begun = (archive: string) => recordBegun(home, storage.name, archive)
      const asked = {
        stack,
        versions: versionsOf(settings),
        creator,
        recipients,
        rate,
        folder,
        begun,
      }
      const done = await steps.run(
        'backup',
        ({ report }) =>
          archive(deployment.knowledge(), storage, { ...asked, now: new Date(), signal, report }),
        ({ records, creators }) =>
          `${counted(records, 'record')} of ${counted(creators, 'creator')}`,
      )
      await recordBackup(home, storage.name, done)
      if (creator === undefined) await deployment.knowledge().lastBackup.record(done)
      const removed = keep === undefined ? [] : await keepNewest(home, storage, keep)
      return { text: describe(done, removed), document: { ...done, removed } }
    })
  },
}

function describe(done: BackedUp, removed: readonly string[]): string {
  const { archive, documents, creators, bytes, encrypted, unsettled } = done
  const restless =
    unsettled === 0
      ? ''
      : `\n${counted(unsettled, 'creator')} changed whenever they were read: their documents are whole, and not all of one moment`
  return `${archive} has ${counted(documents, 'document')} of ${counted(creators, 'creator')}, ${formatBytes(bytes)}${encrypted ? ', encrypted' : ''}${restless}${removed.map(old => `\nDeleted: ${old}`).join('')}`
}

const versionsOf = ({ target, images, chroma, ollama }: Settings): Record<string, string> => ({
  'knowledge-stack': PROJECT_VERSION,
  chroma: target === 'local' ? chroma.version : images.chroma,
  ollama: ollama.version,
})
