import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { restore as putBack, type Restored } from '../../../checks/archive/restore.ts'
import { Failure } from '../../../infra/failure.ts'
import { archiveScratchOf, receiptsOf } from '../../../infra/settings/home-paths.ts'
import { counted } from '../../../infra/units.ts'
import { identitiesIn, storageAt } from '../../backup/archives.ts'
import { forgottenBy } from '../../forget/receipts.ts'
import { openStackFile } from '../../read-models.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'
import { RATE_FLAG } from '../flags.ts'
import { withDeployment } from './with-deployment.ts'

interface RestoreOptions extends StackOptions {
  from: string
  creator?: string
  overwrite?: boolean
  embed?: boolean
  identity?: string
  receipts?: string
  rate?: number
}

/** Puts what an archive has into a stack, of whichever layout. */
export const restore: CommandSpec<RestoreOptions> = {
  name: 'restore',
  description:
    'put what an archive has into a stack, with whichever shards, while it is read and written',
  options: [
    ...STACK_FLAGS,
    {
      flags: '--from <archive>',
      description:
        'the folder of the archive, here or s3://BUCKET/…, which has a manifest.json in it',
      required: true,
    },
    { flags: '--creator <id>', description: 'of one creator alone' },
    {
      flags: '--overwrite',
      description:
        'put documents in place of those that are there; without it those stay as they are',
    },
    {
      flags: '--embed',
      description: "embed all texts anew where the archive's vectors are of another model",
    },
    {
      flags: '--identity <file>',
      description: 'with an identity of age that can read the archive',
    },
    {
      flags: '--receipts <folder>',
      description:
        'with receipts of npm run forget that were kept elsewhere: who was forgotten by them stays so. Those of the stack itself always count',
    },
    RATE_FLAG,
  ],
  async run(
    { from, creator, overwrite, embed = false, identity, receipts, rate, ...options },
    context,
  ) {
    const { settings } = await openStackFile(options.stack, options.configFile)
    const storage = await storageAt(from, settings.backup?.endpoint)
    const identities = await identitiesIn(identity)
    if (receipts !== undefined) await requireFolder(receipts)
    const { steps, signal } = context
    return withDeployment(options, 'restore', context, async deployment => {
      const folder = archiveScratchOf(settings.home)
      const there = overwrite ? ('replace' as const) : ('keep' as const)
      const folders = [receiptsOf(settings.home)].filter(existsSync)
      const forgotten = await forgottenBy(receipts === undefined ? folders : [...folders, receipts])
      const asked = { there, creator, embedAnew: embed, forgotten, identities, rate, folder }
      const done = await steps.run(
        'restore',
        ({ report }) =>
          putBack(deployment.knowledge(), storage.open(), { ...asked, signal, report }),
        ({ written, documents }) => `${written} of ${counted(documents, 'document')} put back`,
      )
      return { text: describe(done, settings.stack), document: done }
    })
  },
}

/** @throws Failure `misused` when there is no such folder of receipts */
async function requireFolder(folder: string): Promise<void> {
  await readdir(folder).catch(({ code }) => {
    throw new Failure('misused', `--receipts ${folder} cannot be read (${code})`, {
      mend: 'name the folder that has the receipts in it',
    })
  })
}

function describe(restored: Restored, stack: string): string {
  const { archive, documents, creators, written, forgotten } = restored
  const kept = documents - written
  const out =
    forgotten === 0
      ? ''
      : `; ${counted(forgotten, 'creator')} in it ${forgotten === 1 ? 'was' : 'were'} forgotten since, and ${forgotten === 1 ? 'stays' : 'stay'} so`
  const there =
    kept === 0
      ? ''
      : `; ${counted(kept, 'document')} that were there stay as they are (--overwrite puts the archive's in their place)`
  return `Stack ${stack} has ${counted(written, 'document')} back from ${archive}, which has ${documents} of ${counted(creators, 'creator')}${there}${out}`
}
