import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { findMove } from '../../../checks/reshard/find-move.ts'
import { reshard as move, undoReshard } from '../../../checks/reshard/reshard.ts'
import type { StoreStatistics } from '../../../checks/store/statistics.ts'
import { Failure } from '../../../infra/failure.ts'
import type { StackFile } from '../../../infra/settings/settings-file.ts'
import { MAX_SHARDS, MIN_SHARDS } from '../../../infra/shards.ts'
import { formatBytes, formatDuration } from '../../../infra/units.ts'
import { deployedFrom } from '../../deployed.ts'
import { openStackFile } from '../../read-models.ts'
import { requireHeadroom, secondGeneration } from '../../reshard/headroom.ts'
import { requireMovingApi } from '../../reshard/require-moving-api.ts'
import { withStackLock } from '../../stack-lock.ts'
import {
  type CommandContext,
  type CommandSpec,
  type Outcome,
  STACK_FLAGS,
  type StackOptions,
} from '../command.ts'
import { wholeNumber } from '../whole-number.ts'
import { deployMoved, type Moved } from './deploy-moved.ts'

interface ReshardOptions extends StackOptions {
  shards?: number
  instances?: number
  rate?: number
  dryRun?: boolean
  undo?: boolean
}

const MOST_RATE = 1_000_000
/** Records a second that two cores were seen to move, for who wants to know how long it will take. */
const USUAL_RATE = 700

/** Moves all creators to another number of shards while the stack is used. */
export const reshard: CommandSpec<ReshardOptions> = {
  name: 'reshard',
  description:
    'move all creators to another number of shards, or to more or fewer Chroma servers, while they are read and written',
  options: [
    ...STACK_FLAGS,
    {
      flags: '--shards <number>',
      description: 'shards that there are to be; what the settings say when absent',
      parse: wholeNumber(MIN_SHARDS, MAX_SHARDS),
    },
    {
      flags: '--instances <number>',
      description:
        'Chroma servers that the shards are spread over, of those that there are; what the settings say when absent',
      parse: wholeNumber(1, MAX_SHARDS),
    },
    {
      flags: '--rate <number>',
      description: 'records that are copied in a second at most, for the sake of those who ask',
      parse: wholeNumber(1, MOST_RATE),
    },
    { flags: '--dry-run', description: 'tell what would be moved and what it needs' },
    { flags: '--undo', description: 'take back a move of which no creator has moved yet' },
  ],
  async run(options, context) {
    const stack = await openStackFile(options.stack, options.configFile)
    const { settings } = stack
    return withStackLock(settings, `reshard of stack ${settings.stack}`, async () => {
      const { outputs } = await deployedFrom(stack, context.steps)
      const deployment = await openDeployment(outputs)
      try {
        await requireMovingApi(deployment, settings.stack, context.signal)
        if (options.undo) return await undo(deployment, context)
        const done = await run(stack, deployment, options, context)
        return 'text' in done ? done : await deployMoved(stack, done, context.steps)
      } finally {
        await deployment.close()
      }
    })
  },
}

async function undo(
  deployment: ConnectedDeployment,
  { steps, signal }: CommandContext,
): Promise<Outcome> {
  const undone = await steps.run('undo', () => undoReshard(deployment.knowledge(), signal))
  const text = undone ? 'The move is taken back: nothing has changed' : 'No move is under way'
  return { text, document: { undone } }
}

/** @returns what was moved; an outcome where nothing was to be */
async function run(
  { settings }: StackFile,
  deployment: ConnectedDeployment,
  options: ReshardOptions,
  { steps, signal }: CommandContext,
): Promise<Moved | Outcome> {
  const knowledge = deployment.knowledge()
  const { rate, shards = settings.chroma.shards, instances = settings.chroma.instances } = options
  requireServers(deployment, instances, settings.stack)
  const statistics = await steps.run(
    'data',
    () => knowledge.statistics(signal),
    ({ records, creators, shards }) =>
      `${records} records of ${creators.count} creators in ${shards.length} shards`,
  )
  const needed = secondGeneration(statistics, shards, instances)
  const now = statistics.shards
  const isThere =
    now.length === shards && 1 + Math.max(...now.map(({ instance }) => instance)) === instances
  if (options.dryRun) return dryRunOf(statistics, isThere, needed, shards, rate)
  const isUnderWay = (await findMove(knowledge, signal)).target !== undefined
  // What was copied already takes its room.
  if (!isThere && !isUnderWay) await requireHeadroom(settings, statistics, needed)
  const done = await steps.run(
    'move',
    ({ report }) => move(knowledge, { shards, instances, rate, signal, report }),
    ({ generation, copied, creators, longestClosed }) =>
      generation === statistics.generation
        ? 'all are there already'
        : `${creators} creators, ${copied} records copied; a writer had to wait for at most ${formatDuration(longestClosed)}`,
  )
  return { ...done, instances }
}

function dryRunOf(
  { records, creators, shards: now }: StoreStatistics,
  isThere: boolean,
  needed: ReturnType<typeof secondGeneration>,
  shards: number,
  rate = USUAL_RATE,
): Outcome {
  const seconds = isThere ? 0 : records / rate
  const document = {
    from: now.length,
    to: shards,
    records: isThere ? 0 : records,
    creators: isThere ? 0 : creators.count,
    needed,
    seconds: Math.round(seconds),
  }
  const text = isThere
    ? `The data is in ${shards} shards on ${needed.instances === 1 ? 'one server' : `${needed.instances} servers`} already`
    : `${records} records of ${creators.count} creators would move from ${now.length} to ${shards} shards: some ${formatDuration(seconds * 1000)} at ${rate} records a second, and until it is over ${formatBytes(needed.memory)} more memory and ${formatBytes(needed.disk)} more disk for each Chroma server`
  return { text, document }
}

/** @throws Failure `misused` for more servers than the stack has */
function requireServers({ chroma }: ConnectedDeployment, wanted: number, stack: string): void {
  if (wanted <= chroma.length) return
  throw new Failure(
    'misused',
    `--instances is ${wanted}, and stack ${stack} has ${chroma.length === 1 ? 'one Chroma server' : `${chroma.length} Chroma servers`}`,
    {
      mend: `set knowledge-stack:instances to ${wanted}, and deploy them: npm run up -- --stack ${stack}`,
    },
  )
}
