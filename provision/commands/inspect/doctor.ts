import { openDeployment } from '../../../checks/connected-deployment.ts'
import { diagnose, hasOutgrown, type ShardDiagnosis } from '../../../checks/damage/doctor.ts'
import type { LostDocument } from '../../../checks/damage/mend-shard.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { describeFiles, serverFiles } from '../../chroma-files/server-files.ts'
import { chosenDeployment } from '../../deployed.ts'
import { indexFolder } from '../../index-folder.ts'
import { withStackLock } from '../../stack-lock.ts'
import { requireNoUpgrade } from '../../upgrade/upgrade-record.ts'
import { type CommandSpec, type StackOptions, TARGET_FLAGS } from '../command.ts'

interface DoctorOptions extends Partial<StackOptions> {
  fix?: boolean
  deleteForeign?: boolean
  embedUnknown?: boolean
}

const NAMED = 20

/** Damage of Chroma's indexes: found, and mended from the stored texts. */
export const doctor: CommandSpec<DoctorOptions> = {
  name: 'doctor',
  description:
    "find damage of Chroma's indexes and records, lost vectors, and files that have outgrown their data, and mend it",
  options: [
    ...TARGET_FLAGS,
    { flags: '--fix', description: 'mend what is found; without it nothing is written' },
    {
      flags: '--embed-unknown',
      description:
        'with --fix, embed also what an earlier version wrote, which did not record whose vectors they were',
    },
    {
      flags: '--delete-foreign',
      description:
        'with --fix, delete records that the store did not write, of which nobody can tell whose they are',
    },
  ],
  async run(options, context) {
    const { steps, signal } = context
    const { outputs, settings } = await chosenDeployment(options, steps)
    const { fix = false, embedUnknown = false, deleteForeign = false } = options
    const work = async () => {
      const deployment = await openDeployment(outputs)
      try {
        const filesOf = async (isTidied: boolean) =>
          settings === undefined
            ? []
            : serverFiles(settings, deployment.chroma.length, isTidied, context)
        const before = await filesOf(false)
        const indexed = new Map(
          before.flatMap(({ indexes }) =>
            indexes.map(({ collection, records }) => [collection, records]),
          ),
        )
        const mayRebuild = settings !== undefined
        const treatment = { fix, embedUnknown, deleteForeign, mayRebuild, indexed, signal }
        const shards = await steps.run(
          'doctor',
          ({ report }) => diagnose(deployment.knowledge(), { ...treatment, report }),
          found =>
            `${found.filter(({ sound }) => sound).length} of ${found.length} shards are sound`,
        )
        const servers = fix ? await filesOf(true) : before
        const sound = shards.every(shard => shard.sound)
        const lines = await Promise.all(shards.map(shard => describe(shard, outputs)))
        const again = `npm run doctor -- --fix --stack ${outputs.stack}`
        return {
          text:
            [...lines.flat(), ...servers.flatMap(each => describeFiles(each, again))].join('\n') ||
            'No shard exists yet',
          document: { stack: outputs.stack, sound, shards, servers },
          exitCode: sound ? 0 : 1,
        }
      } finally {
        await deployment.close()
      }
    }
    // Who only looks is in nobody's way.
    return fix && settings !== undefined
      ? withStackLock(settings, `doctor of stack ${settings.stack}`, async () => {
          await requireNoUpgrade(settings)
          return work()
        })
      : work()
  },
}

async function describe(shard: ShardDiagnosis, outputs: Outputs): Promise<string[]> {
  const { collection, server, records, lostVectors, notFound, embeddedAnew, rewritten } = shard
  const place = `${collection} on ${server}`
  const again = `npm run doctor -- --fix --stack ${outputs.stack}`
  if (shard.unreadable !== undefined) {
    const { dataFolder } = outputs.chroma.instances[shard.instance] ?? {}
    const folder = dataFolder && (await indexFolder(dataFolder, shard.collectionId))
    return [
      `${place}: its index cannot be loaded, so nothing of it can be read; its texts are whole`,
      `  → stop the server, move ${folder ?? 'the folder of this index'} out of its data, start it, and mend the rest: ${again} (docs/operations.md)`,
    ]
  }
  const { foreign, deleted, mislabelled, relabelled, misplaced, replaced } = shard
  const found = [
    ...(foreign + deleted > 0 ? [`${foreign + deleted} were not written by the store`] : []),
    ...(mislabelled > 0 ? [`${mislabelled} have metadata that is not their own`] : []),
    ...(misplaced > 0 ? [`${misplaced} are of creators of other shards`] : []),
    ...(hasOutgrown(shard, records) ? [outgrown(shard)] : []),
    ...(lostVectors > 0 ? [`${lostVectors} have lost their vectors`] : []),
    ...(notFound > 0 ? [`the index does not find ${notFound} of large creators`] : []),
  ]
  if (found.length === 0) return [`${place}: ${records} records, all sound`]
  const done = [
    ...(embeddedAnew > 0 ? [`${embeddedAnew} were embedded anew`] : []),
    ...(rewritten > 0 ? [`${rewritten} were written anew`] : []),
    ...(relabelled > 0 ? [`${relabelled} say again what their ids say`] : []),
    ...(replaced > 0 ? [`${replaced} are in their shard now`] : []),
    ...(deleted > 0 ? [`${deleted} were deleted`] : []),
    ...(shard.rebuilt ? ['the shard was built anew'] : []),
  ]
  return [
    `${place}: of ${records} records ${[...found, ...done].join(', ')}`,
    ...named(shard.given, 'vectors that a caller gave are lost; write the document again'),
    ...named(
      shard.unknown,
      'nobody recorded whose vectors were lost; write the document again, or embed it: --fix --embed-unknown',
    ),
    ...foreignOf(shard),
    ...(shard.sound || done.length > 0 ? [] : [`  → mend it: ${again}`]),
  ]
}

const outgrown = ({ dead, indexed }: ShardDiagnosis): string =>
  `${dead} count nowhere${indexed === undefined ? '' : `, and the index holds ${indexed}`}`

function foreignOf({ foreign, foreignIds }: ShardDiagnosis): string[] {
  if (foreign === 0) return []
  const ids = foreignIds.map(id => JSON.stringify(id)).join(', ')
  return [
    `  not written by the store: ${ids}${foreign > foreignIds.length ? ', …' : ''}`,
    '  → see whose they are; delete them: --fix --delete-foreign',
  ]
}

function named(documents: readonly LostDocument[], what: string): string[] {
  const lines = documents
    .slice(0, NAMED)
    .map(
      ({ creator, document, records }) =>
        `  document ${JSON.stringify(document)} of creator ${JSON.stringify(creator)}: ${records} ${what}`,
    )
  const more = documents.length - NAMED
  return more > 0 ? [...lines, `  and ${more} documents more (--json names all)`] : lines
}
