import { join } from 'node:path'
import { backup as archive } from '../../../checks/archive/backup.ts'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import { PROJECT_VERSION } from '../../../infra/project.ts'
import { localPaths } from '../../../infra/settings/home-paths.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { formatBytes } from '../../../infra/units.ts'
import { storageAt } from '../../archives.ts'
import { deployedFrom } from '../../deployed.ts'
import { openStackFile } from '../../read-models.ts'
import { withStackLock } from '../../stack-lock.ts'
import { PINS } from '../../toolchain/pinned-tools.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'
import { RATE_FLAG, repeated } from '../flags.ts'

interface BackupOptions extends StackOptions {
  to: string
  creator?: string
  recipient?: string[]
  rate?: number
}

/** Saves what creators have in an archive, while the stack is used. */
export const backup: CommandSpec<BackupOptions> = {
  name: 'backup',
  description:
    'save what creators have in an archive of Parquet files, while they are read and written',
  options: [
    ...STACK_FLAGS,
    {
      flags: '--to <folder>',
      description: 'where the archive is put, in a folder of its own',
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
  ],
  async run({ to, creator, recipient: recipients = [], rate, ...options }, { steps, signal }) {
    const stack = await openStackFile(options.stack, options.configFile)
    const { settings } = stack
    return withStackLock(settings, `backup of stack ${settings.stack}`, async () => {
      const { outputs } = await deployedFrom(stack, steps)
      const deployment = await openDeployment(outputs)
      try {
        const done = await steps.run(
          'backup',
          ({ report }) =>
            archive(deployment.knowledge(), storageAt(to), {
              stack: settings.stack,
              versions: versionsOf(settings),
              creator,
              recipients,
              rate,
              folder: join(localPaths(settings.home).state, 'archive'),
              now: new Date(),
              signal,
              report,
            }),
          ({ records, creators }) => `${records} records of ${creators} creators`,
        )
        const unsettled =
          done.unsettled === 0
            ? ''
            : `\n${done.unsettled} creators were written whenever they were read: their documents are whole, and not all of one moment`
        return {
          text: `${done.archive} has ${done.documents} documents of ${done.creators} creators, ${formatBytes(done.bytes)}${done.encrypted ? ', encrypted' : ''}${unsettled}`,
          document: done,
        }
      } finally {
        await deployment.close()
      }
    })
  },
}

const versionsOf = ({ target, images, ollama }: Settings): Record<string, string> => ({
  'knowledge-stack': PROJECT_VERSION,
  chroma: target === 'local' ? PINS.chroma.version : images.chroma,
  ollama: ollama.version,
})
