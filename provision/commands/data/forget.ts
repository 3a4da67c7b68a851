import { Failure } from '../../../infra/failure.ts'
import { counted } from '../../../infra/units.ts'
import { confirm } from '../../confirm.ts'
import { forgetCreators } from '../../forget/forget-creators.ts'
import type { Receipt } from '../../forget/receipts.ts'
import { requireHeadroom, secondShard } from '../../reshard/headroom.ts'
import { requireMovingApi } from '../../reshard/require-moving-api.ts'
import { commandsFor } from '../../targets/targets.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'
import { RATE_FLAG, repeated } from '../flags.ts'
import { withDeployment } from './with-deployment.ts'

interface ForgetOptions extends StackOptions {
  creator?: string[]
  rate?: number
  yes?: boolean
}

/** Erases what creators have, and proves it by looking through the files of the servers. */
export const forget: CommandSpec<ForgetOptions> = {
  name: 'forget',
  description:
    'erase all that creators have, from answers and from the files of the servers, while the others are read and written',
  options: [
    ...STACK_FLAGS,
    {
      flags: '--creator <id>',
      description:
        'who is to be forgotten; may be given several times. Beside them those whom the API was asked to forget',
      parse: repeated,
    },
    RATE_FLAG,
    { flags: '--yes', description: 'without a question' },
  ],
  run({ creator: creators = [], rate, yes, ...options }, context) {
    const { steps, signal } = context
    return withDeployment(options, 'forget', context, async (deployment, { settings }) => {
      const { stack } = settings
      await requireMovingApi(deployment, stack, signal)
      const knowledge = deployment.knowledge()
      const pending = (await knowledge.forgotten.unerased(signal)).map(({ creator }) => creator)
      const all = [...new Set([...creators, ...pending])]
      if (all.length === 0) {
        throw new Failure('misused', 'Nobody is to be forgotten', {
          mend: `name who is: npm run forget -- --stack ${stack} --creator ID`,
        })
      }
      if (!yes) await confirm(question(stack, creators, all), signal)
      const statistics = await knowledge.statistics(signal)
      await requireHeadroom(settings, statistics, secondShard(statistics), signal)
      const { receipt, file } = await forgetCreators(creators, {
        settings,
        knowledge,
        target: await commandsFor(settings),
        instances: deployment.chroma.length,
        rate,
        steps,
        signal,
      })
      return { text: describe(receipt, file), document: { ...receipt, receipt: file } }
    })
  },
}

const NAMED = 5

function question(stack: string, asked: readonly string[], all: readonly string[]) {
  const named = all.slice(0, NAMED).map(id => JSON.stringify(id))
  const whom = [...named, ...(all.length > NAMED ? [`${all.length - NAMED} more`] : [])].join(', ')
  const flags = asked.map(id => ` --creator ${JSON.stringify(id)}`).join('')
  return {
    stack,
    statement: `All that ${whom} have in stack ${stack} would be erased, for good`,
    warning: `This erases all that ${whom} have in stack ${stack}, for good`,
    mend: `npm run forget -- --stack ${stack}${flags} --yes`,
  }
}

function describe(receipt: Receipt, file: string): string {
  const { creators, search, instances, backups } = receipt
  const chunks = creators.reduce((sum, { chunks }) => sum + chunks, 0)
  const shared = search.shared === 0 ? '' : ` but for ${search.shared} that another creator has too`
  const found =
    search.things === 0
      ? 'There was no text and no vector of theirs to look for in the files of the servers'
      : `Of ${search.things} texts and vectors that were looked for ${search.before} were in the files of the servers before, and none is now${shared}`
  return [
    `Forgotten: ${counted(creators.length, 'creator')} with ${counted(chunks, 'chunk')}. ${found}; ${counted(
      instances.reduce((sum, { folders }) => sum + folders.length, 0),
      'folder',
    )} of deleted indexes removed`,
    `The receipt is ${file}`,
    ...backups.map(
      ({ place, archive }) => `Made before, and may have them: ${archive} in ${place}`,
    ),
  ].join('\n')
}
