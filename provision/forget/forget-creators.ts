import type { ChromaCollection } from '../../checks/chroma/collection.ts'
import type { BesideReport } from '../../checks/chroma-files/beside-data.ts'
import { TraceSearch } from '../../checks/chroma-files/traces.ts'
import { examineRecords } from '../../checks/damage/record-damage.ts'
import { Throttle } from '../../checks/damage/throttle.ts'
import {
  beginForgetting,
  finishForgetting,
  requireNothingLeft,
} from '../../checks/forget/forget-creator.ts'
import { tracesAmongOthers } from '../../checks/forget/shared-traces.ts'
import { findMove, moveUnderWay } from '../../checks/reshard/find-move.ts'
import { rebuildShard } from '../../checks/reshard/rebuild-shard.ts'
import type { Unerased } from '../../checks/store/forgotten.ts'
import type { Generation } from '../../checks/store/generations.ts'
import type { Knowledge } from '../../checks/store/knowledge.ts'
import { Failure } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { counted, formatBytes, formatDuration } from '../../infra/units.ts'
import type { Steps } from '../steps/steps.ts'
import type { TargetCommands } from '../targets/target.ts'
import { keepReceipt, type Receipt } from './receipts.ts'

/** What forgets works with. */
export interface ForgetContext {
  settings: Settings
  knowledge: Knowledge
  target: TargetCommands
  /** Chroma servers of the stack. */
  instances: number
  rate: number | undefined
  steps: Steps
  signal: AbortSignal
}

/**
 * Forgets creators, and those whom the API was asked to forget: takes them out of all answers, builds their shards anew
 * without them, takes what is deleted out of the servers' files, and looks through the files whether something is left.
 * Killed, it is ended by the next.
 * @param creators may be none where the API was asked for some
 * @throws Failure `refused` when something of them is left; `misused` while creators are being moved
 */
export async function forgetCreators(
  creators: readonly string[],
  context: ForgetContext,
): Promise<{ receipt: Receipt; file: string }> {
  const { settings, knowledge, steps, signal } = context
  const { from, target: move } = await findMove(knowledge, signal)
  if (move !== undefined) throw moveUnderWay(move)
  for (const id of creators) knowledge.creator(id)
  const all = await steps.run(
    'answers',
    async ({ report }) => {
      for (const id of creators) {
        report(id)
        await beginForgetting(knowledge, id, Date.now())
      }
      for (const each of await knowledge.forgotten.unerased(signal)) {
        if (each.state === 'begun') await finishForgetting(knowledge, each)
      }
      return knowledge.forgotten.unerased(signal)
    },
    all => `${counted(sum(all.map(({ chunks }) => chunks)), 'chunk')} gone from all answers`,
  )
  for (const { creator, chunks } of all) {
    if (chunks === 0) {
      steps.note(
        `${JSON.stringify(creator)} had no chunks any more. Was it the right id? Its shard is built anew all the same`,
      )
    }
  }
  const traces = await tracesOfAll(knowledge, all, signal)
  const before = await steps.run(
    'files before',
    ({ report }) => searchAll(context, traces, [], report),
    ({ found, things }) => `${found.size} of ${things} texts and vectors are in them`,
  )
  const shards = await steps.run(
    'shards',
    async ({ report }) => {
      const numbers = new Set(all.map(({ creator }) => from.shards.of(creator)))
      const rebuilt = []
      for (const shard of numbers) {
        await requireLabelled(from, shard, settings, signal)
        rebuilt.push(await rebuildShard(from, shard, { rate: context.rate, signal, report }))
      }
      return rebuilt.filter(shard => shard !== undefined)
    },
    rebuilt =>
      `${counted(rebuilt.length, 'shard')} built anew; writers had to wait for at most ${formatDuration(Math.max(0, ...rebuilt.map(({ closed }) => closed)))}`,
  )
  const touched = new Set([...shards.map(({ instance }) => instance), ...before.holding])
  const after = await steps.run(
    'files',
    ({ report }) => searchAll(context, traces, [...touched], report),
    ({ files, bytes, erased }) =>
      `${counted(files, 'file')} of ${formatBytes(bytes)} looked through; ${counted(erased.length, 'server')} had to wait for at most ${formatDuration(Math.max(0, ...erased.map(({ took }) => took)))}`,
  )
  const shared = await steps.run(
    'proof',
    async () =>
      after.found.size === 0
        ? new Set<number>()
        : tracesAmongOthers(knowledge, traces, all, signal),
    shared => `${[...after.found].filter(thing => !shared.has(thing)).length} left`,
  )
  const left = [...after.found].filter(thing => !shared.has(thing))
  if (left.length > 0) throw somethingLeft(settings, left.length, after.places)
  await requireNothingLeft(knowledge, all, signal)
  const receipt: Receipt = {
    stack: settings.stack,
    at: new Date().toISOString(),
    creators: all.map(({ creator, key, until, chunks }) => ({ creator, key, until, chunks })),
    shards,
    instances: after.erased,
    search: {
      things: before.things,
      before: before.found.size,
      after: after.found.size,
      shared: after.found.size,
      files: after.files,
      bytes: after.bytes,
    },
    backups: await backupsBefore(knowledge, Math.max(...all.map(({ until }) => until)), signal),
  }
  const file = await keepReceipt(settings.home, receipt)
  for (const each of all) await knowledge.forgotten.erased(each)
  return { receipt, file }
}

/** Those that were begun up to a moment, in Unix seconds, of all creators or of one. */
async function backupsBefore({ backups }: Knowledge, second: number, signal: AbortSignal) {
  return (await backups.all(signal))
    .filter(({ created }) => Date.parse(created) < (second + 1) * 1000)
    .map(({ place, archive, created }) => ({ place, archive, created }))
}

/**
 * A record whose metadata is not its own is found neither by who copies nor by who compares, and would be lost.
 * @throws Failure `refused` where there are some
 */
async function requireLabelled(
  { shards }: Generation,
  shard: number,
  { stack }: Settings,
  signal: AbortSignal,
): Promise<void> {
  const look = (records: ChromaCollection) =>
    examineRecords(shards, shard, records, new Throttle(signal, 0))
  const damage = await shards.readShard(shard, undefined, look, signal)
  const wrong = damage?.mislabelled.length ?? 0
  if (wrong === 0) return
  throw new Failure(
    'refused',
    `${counted(wrong, 'record')} of shard ${shard} have metadata that is not their own, and would be lost`,
    { mend: `mend them first: npm run doctor -- --fix --stack ${stack}` },
  )
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, next) => all + next, 0)

/** Characters that are looked for at once: a Secret of Kubernetes holds a megabyte. */
const MOST_TRACES = 600_000

async function tracesOfAll(
  { forgotten }: Knowledge,
  all: readonly Unerased[],
  signal: AbortSignal,
): Promise<string> {
  const most = Math.floor(MOST_TRACES / all.length)
  const own: string[] = []
  for (const each of all) {
    const traces = await forgotten.traces(each, signal)
    // At least one text or vector of everybody.
    const end = traces.indexOf(' ', most)
    own.push(end === -1 ? traces : traces.slice(0, end))
  }
  return own.filter(traces => traces !== '').join(' ')
}

/** What a search of all servers' files and logs came to. */
interface SearchedAll {
  things: number
  found: Set<number>
  files: number
  bytes: number
  /** Instances in whose files something was found. */
  holding: number[]
  /** The same for people, and logs. */
  places: string[]
  erased: Receipt['instances']
}

/** @param erasing instances from whose files what is deleted is taken before */
async function searchAll(
  { settings, target, instances, signal }: ForgetContext,
  traces: string,
  erasing: readonly number[],
  report: (text: string) => void,
): Promise<SearchedAll> {
  const logs = new TraceSearch(traces)
  const all: SearchedAll = {
    things: logs.things,
    found: logs.found,
    files: 0,
    bytes: 0,
    holding: [],
    places: [],
    erased: [],
  }
  for (let instance = 0; instance < instances; instance += 1) {
    const erase = erasing.includes(instance)
    const server = `Chroma server ${instance}`
    report(erase ? `${server}: rewriting its files; its answers wait meanwhile` : server)
    const done: BesideReport = await target.besideData(
      settings,
      instance,
      { traces, erase },
      signal,
    )
    all.files += done.files
    all.bytes += done.bytes
    for (const thing of done.found) all.found.add(thing)
    if (done.found.length > 0) all.holding.push(instance)
    all.places.push(...done.holding.map(file => `${server}: ${file}`))
    if (done.erased !== undefined) all.erased.push({ instance, ...done.erased })
  }
  report('logs')
  const before = logs.seen
  await target.readLogs(settings, piece => logs.look(piece))
  if (logs.seen > before) all.places.push('the logs of the servers')
  return all
}

const somethingLeft = ({ stack }: Settings, count: number, places: readonly string[]): Failure =>
  new Failure(
    'refused',
    `Of texts and vectors that nobody else has ${count} are still in ${places.join(', ')}`,
    {
      mend: `forget again, while nobody writes for them: npm run forget -- --stack ${stack} --yes`,
    },
  )
