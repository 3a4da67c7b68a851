import type { ConnectedDeployment } from '../../../checks/connected-deployment.ts'
import { embeddingRate } from '../../../checks/reshard/embedding-rate.ts'
import { findMove } from '../../../checks/reshard/find-move.ts'
import { describePlace, isSamePlace, type Place, placeOf } from '../../../checks/reshard/place.ts'
import { reshard as move, undoReshard } from '../../../checks/reshard/reshard.ts'
import type { TextEmbedder } from '../../../checks/store/embedder.ts'
import type { Generation } from '../../../checks/store/generations.ts'
import { dimensionOf } from '../../../checks/store/shards/shard-metadata.ts'
import type { StoreStatistics } from '../../../checks/store/statistics.ts'
import { Failure } from '../../../infra/failure.ts'
import { layoutOf } from '../../../infra/ownership/data-layout.ts'
import { withTag } from '../../../infra/settings/model-definition.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import type { StackFile } from '../../../infra/settings/settings-file.ts'
import { firstShardMap, MAX_SHARDS, MIN_SHARDS } from '../../../infra/shards.ts'
import { formatBytes, formatDuration } from '../../../infra/units.ts'
import { type Copies, requireHeadroom, secondGeneration } from '../../reshard/headroom.ts'
import { requireMovingApi } from '../../reshard/require-moving-api.ts'
import { commandsFor } from '../../targets/targets.ts'
import {
  type CommandContext,
  type CommandSpec,
  type Outcome,
  STACK_FLAGS,
  type StackOptions,
} from '../command.ts'
import { RATE_FLAG, wholeNumber } from '../flags.ts'
import { deployMoved, type Moved } from './deploy-moved.ts'
import { withDeployment } from './with-deployment.ts'

interface ReshardOptions extends StackOptions {
  shards?: number
  instances?: number
  embeddingModel?: string
  rate?: number
  dryRun?: boolean
  undo?: boolean
}

/** Records a second that two cores were seen to move, for who wants to know how long it will take. */
const USUAL_RATE = 700

/** Moves all creators to another layout, or to vectors of another model, while the stack is used. */
export const reshard: CommandSpec<ReshardOptions> = {
  name: 'reshard',
  description:
    'move all creators to another number of shards, to more or fewer Chroma servers, or to another embedding model, while they are read and written',
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
      flags: '--embedding-model <name>',
      description:
        'model that all texts are embedded by anew, of those that are deployed; what the settings say when absent',
    },
    RATE_FLAG,
    { flags: '--dry-run', description: 'tell what would be moved and what it needs' },
    { flags: '--undo', description: 'take back a move of which no creator has moved yet' },
  ],
  run(options, context) {
    return withDeployment(options, 'reshard', context, async (deployment, stack) => {
      await requireMovingApi(deployment, stack.settings.stack, context.signal)
      if (options.undo) return undo(deployment, context)
      const done = await run(stack, deployment, options, context)
      return 'text' in done ? done : deployMoved(stack, done, context.steps)
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
  context: CommandContext,
): Promise<Moved | Outcome> {
  const { steps, signal } = context
  const knowledge = deployment.knowledge()
  const wanted = wantedBy(options, settings)
  const { shards, instances, embeddingModel } = wanted
  requireServers(deployment, instances, settings.stack)
  const model = deployment.inference.model('embedding', embeddingModel)
  const statistics = await steps.run(
    'data',
    () => knowledge.statistics(signal),
    ({ records, creators, shards }) =>
      `${records} records of ${creators.count} creators in ${shards.length} shards`,
  )
  const needed = secondGeneration(statistics, { shards, instances, dimension: dimensionOf(model) })
  const { from, target } = await findMove(knowledge, signal)
  const place = { map: firstShardMap(shards, instances), embeddingModel }
  const isThere = target === undefined && isSamePlace(placeOf(from), place)
  if (options.dryRun) {
    const embedder = deployment.embedder(model)
    return dryRun({ from, place, embedder, isThere, statistics, needed }, options.rate, context)
  }
  // What was copied already takes its room.
  if (!isThere && target === undefined) {
    await steps.run('room', () => requireHeadroom(settings, statistics, needed, signal))
  }
  const asked = { ...wanted, rate: options.rate }
  const { moveInside } = await commandsFor(settings)
  const done = await steps.run(
    'move',
    task =>
      moveInside === undefined
        ? move(knowledge, { ...asked, ...task })
        : moveInside(settings, asked, task),
    ({ generation, copied, creators, longestClosed }) =>
      generation === statistics.generation
        ? 'all are there already'
        : `${creators} creators, ${copied} records copied; a writer had to wait for at most ${formatDuration(longestClosed)}`,
  )
  return { ...done, instances }
}

/** What the options say, or else the settings. */
function wantedBy(options: ReshardOptions, settings: Settings) {
  const configured = layoutOf(settings)
  const { shards = configured.shards, instances = configured.instances } = options
  const embeddingModel = withTag(options.embeddingModel ?? configured.embeddingModel)
  return { shards, instances, embeddingModel }
}

/** What there is and what would be. */
interface Prospect {
  from: Generation
  place: Place
  embedder: TextEmbedder
  isThere: boolean
  statistics: StoreStatistics
  needed: Copies
}

async function dryRun(
  { from, place, embedder, isThere, statistics, needed }: Prospect,
  most: number | undefined,
  { steps, signal }: CommandContext,
): Promise<Outcome> {
  const { records, creators } = statistics
  if (isThere) {
    const document = { from: placeOf(from), to: place, records: 0, creators: 0, needed, seconds: 0 }
    return { text: `The data is in ${describePlace(place)} already`, document }
  }
  const embedsAnew = place.embeddingModel !== from.shards.settings.embeddingModel
  const embeds = embedsAnew
    ? await steps.run(
        'embedding',
        () => embeddingRate(from, embedder, signal),
        rate => (rate === undefined ? 'no text to try' : `${rate.toFixed(1)} texts a second`),
      )
    : undefined
  const rate = Math.min(USUAL_RATE, embeds ?? USUAL_RATE, most ?? USUAL_RATE)
  const seconds = records / rate
  return {
    text: `${records} records of ${creators.count} creators would move from ${describePlace(placeOf(from))} to ${describePlace(place)}: some ${formatDuration(seconds * 1000)} at ${Number(rate.toPrecision(2))} records a second, and until it is over ${formatBytes(needed.memory)} more memory and ${formatBytes(needed.disk)} more disk for each Chroma server`,
    document: {
      from: placeOf(from),
      to: place,
      records,
      creators: creators.count,
      needed,
      seconds: Math.round(seconds),
    },
  }
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
