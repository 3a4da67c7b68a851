import { randomUUID } from 'node:crypto'
import { Failure } from '../../infra/failure.ts'
import type { Millis } from '../../infra/units.ts'
import type { CreatorId } from '../store/creator-id.ts'
import { Pace } from '../store/pace.ts'
import type { VersionSnapshot } from '../store/query/write-version-store.ts'
import type { ShardCollections } from '../store/shards/shard-collections.ts'
import { creatorsOf, inOrder, partsOf, type ShardCreator } from '../store/shards/shard-creators.ts'
import {
  LAST_KEY,
  type MoveState,
  type MoveTarget,
  NO_KEY,
  type Verdict,
} from '../store/shards/shard-move.ts'
import { differentCreators } from './compare-shard.ts'
import { CopiedContent } from './copied-content.ts'
import { CreatorCopier } from './copy-creators.ts'
import type { Move } from './move.ts'
import { RecordWriter } from './record-writer.ts'

/** Creators whose records are asked for at once, and about how many these are. */
const COPIED = { creators: 250, records: 2000 }
/** A look at what was written meanwhile that takes longer is taken again before writers have to wait for the last one. */
const SHORT: Millis = 500
const LOOKS = 5
/** Records of creators that are switched at once: a look at what was written meanwhile serves all of them. */
const SWITCHED = 10_000

/** What is known of a shard that was copied. */
export interface CopiedShard {
  shard: number
  /** Up to which key its creators have moved already. */
  through: string
  content: CopiedContent
  /** The write versions before anything was copied. */
  versions: VersionSnapshot | undefined
}

/**
 * Up to which key a shard's creators have moved. A mover may have been killed before it said that some have, or before it
 * recorded it: what it said last may still be on its way, and is not heard any more once another has said something.
 */
export async function movedThrough(
  { layouts }: ShardCollections,
  shard: number,
  state: MoveState | undefined,
): Promise<string> {
  if (state === undefined) return NO_KEY
  const { through, closing } = state.move
  if (closing === undefined) return through
  const verdict = state.verdict ?? (await layouts.settle(shard, closing.attempt, 'stayed'))
  return verdict === 'moved' ? closing.to : through
}

/**
 * Copies what creators of a shard have, while it is written. It is there once the writer is flushed.
 * @param copiedBefore creators of whom a mover that was killed has copied something, of whichever shards; undefined where
 *   nothing was ever copied to that generation
 */
export async function copyShard(
  move: Move,
  shard: number,
  writer: RecordWriter,
  copiedBefore: readonly ShardCreator[] | undefined,
): Promise<CopiedShard> {
  const { from, signal } = move
  const { layouts } = from.shards
  const { move: state } = await layouts.read(shard, signal)
  const through = await movedThrough(from.shards, shard, state)
  const versions = await layouts.versions(shard)
  const listed = await creatorsOf(from.shards, shard, signal)
  // Who has nothing here any more may have something there that was copied before.
  const there = copiedBefore?.filter(({ creator }) => from.shards.of(creator) === shard) ?? []
  const creators = inOrder([...there, ...listed.creators]).filter(({ key }) => key > through)
  const content = new CopiedContent(creators)
  const copier = new CreatorCopier(move, shard, writer)
  for (const part of partsOf(creators, move.pace.atMost(COPIED.records), COPIED.creators)) {
    await copier.copy(part, copiedBefore === undefined ? content : undefined)
  }
  return { shard, through, content, versions }
}

/**
 * Switches a shard's creators over, some at a time: copies what was written since they were copied, compares what there
 * is, closes them for writers, copies what was written meanwhile, and says that they have moved. Who writes at that
 * moment finds out after its last byte, and writes again there.
 * @returns creators, and the longest time in milliseconds for which some were closed
 * @throws Failure `refused` when a creator does not have there what it has here
 */
export async function switchShard(
  move: Move,
  target: MoveTarget,
  copied: CopiedShard,
): Promise<{ creators: number; longestClosed: number }> {
  const { layouts } = move.from.shards
  const { shard } = copied
  let { through } = copied
  const done = { creators: 0, longestClosed: 0 }
  if (through === LAST_KEY) return done
  const listed = copied.content.creators()
  for (const to of endsOf(listed)) {
    const { creators, longestClosed } = await switchRange(
      move,
      { copied, listed, after: through, to },
      {
        close: attempt =>
          layouts.recordMove(shard, { ...target, through, closing: { to, attempt } }),
        settle: attempt => layouts.settle(shard, attempt, 'moved'),
        isRepeatable: true,
      },
    )
    done.creators += creators
    done.longestClosed = Math.max(done.longestClosed, longestClosed)
    through = to
  }
  await layouts.recordMove(shard, { ...target, through: LAST_KEY })
  await layouts.forgetVerdicts(shard)
  return done
}

/** How creators are closed for writers, and where it is said that they have switched. */
export interface Switch {
  /** From when on writers wait for the end of this try. */
  close(attempt: string): Promise<void>
  /** Says that they have. @returns what was said first of this try */
  settle(attempt: string): Promise<Verdict>
  /** Whether what stayed can be tried again; else it is told. */
  isRepeatable: boolean
}

/** Writers could not wait any longer, or somebody else has given the copy up. */
export class SwitchStayed extends Failure {
  constructor() {
    super('unavailable', 'A shard could not be switched while its writers waited', {
      mend: 'run this again, while less is written',
    })
  }
}

/** The creators of a shard after one key, up to another. */
interface Range {
  copied: CopiedShard
  /** All creators of the shard that were listed to be copied. */
  listed: readonly ShardCreator[]
  after: string
  to: string
}

/** Switches the creators between two keys. @returns and @throws as switchShard */
export async function switchRange(
  move: Move,
  range: Range,
  { close, settle, isRepeatable }: Switch,
): Promise<{ creators: number; longestClosed: number }> {
  // Writers wait meanwhile.
  const hurried = { ...move, pace: new Pace(undefined, move.signal) }
  let longestClosed = 0
  for (;;) {
    const { creators, ...first } = await copyChanged(move, range, range.copied.versions)
    await requireSame(move, range.copied, creators, first.seen)
    const seen = await catchUp(move, range, first.seen)
    const attempt = randomUUID()
    const closed = performance.now()
    await close(attempt)
    await copyChanged(hurried, range, seen)
    const verdict = await settle(attempt)
    longestClosed = Math.max(longestClosed, performance.now() - closed)
    if (verdict === 'moved') return { creators: creators.length, longestClosed }
    if (!isRepeatable) throw new SwitchStayed()
  }
}

/** Copies what was written meanwhile until little is left. @returns the versions before the last look */
async function catchUp(
  move: Move,
  range: Range,
  since: VersionSnapshot | undefined,
): Promise<VersionSnapshot | undefined> {
  let seen = since
  for (let look = 0; look < LOOKS; look += 1) {
    const began = performance.now()
    seen = (await copyChanged(move, range, seen)).seen
    if (performance.now() - began <= SHORT) break
  }
  return seen
}

const NAMED = 5

/** Of those who were not written since a look at the versions. */
async function requireSame(
  move: Move,
  { shard, content, versions }: CopiedShard,
  creators: readonly ShardCreator[],
  since: VersionSnapshot | undefined,
): Promise<void> {
  // Who was written since may have been copied again.
  const isFound = (creator: CreatorId) =>
    content.isFound(creator) && !move.from.versions.changed(creator, versions, since)
  const found = await differentCreators(move, shard, creators, isFound)
  if (found.length === 0) return
  const { layouts } = move.from.shards
  const now = await layouts.versions(shard)
  const different = found.filter(creator => !move.from.versions.changed(creator, since, now))
  if (different.length === 0) return
  const named = different.slice(0, NAMED).map(creator => JSON.stringify(creator))
  throw new Failure(
    'refused',
    `${different.length} creators of shard ${shard} do not have what they have where they were copied to: ${named.join(', ')}${different.length > NAMED ? ', …' : ''}`,
    { mend: 'nothing was switched for them; look for damage: npm run doctor' },
  )
}

/** The keys up to which creators are switched together. The last is after all, for those whom nobody knows yet. */
function endsOf(creators: readonly ShardCreator[]): string[] {
  const ends = [...partsOf(creators, SWITCHED)].map(part => part.at(-1)!.key)
  return [...ends.slice(0, -1), LAST_KEY]
}

/**
 * Copies those between two keys who may have been written since a look at the versions.
 * @returns all between the keys, and the versions before it looked for them
 */
async function copyChanged(
  move: Move,
  { copied: { shard }, listed, after, to: end }: Range,
  since: VersionSnapshot | undefined,
): Promise<{ creators: ShardCreator[]; seen: VersionSnapshot | undefined }> {
  const { from, to, signal, pace } = move
  const isIn = ({ key }: ShardCreator) => key > after && key <= end
  const known = listed.filter(isIn)
  const seen = await from.shards.layouts.versions(shard)
  if (isSameSnapshot(since, seen)) return { creators: known, seen }
  const there = (await creatorsOf(from.shards, shard, signal)).creators.filter(isIn)
  // Whose records are all gone by now is not there, and has records where it was copied to.
  const all = inOrder([...known, ...there])
  const changed = all.filter(({ creator }) => from.versions.changed(creator, since, seen))
  const writer = new RecordWriter(to.shards, signal, pace)
  const copier = new CreatorCopier(move, shard, writer)
  for (const part of partsOf(changed, pace.atMost(COPIED.records), COPIED.creators)) {
    await copier.copy(part)
  }
  await writer.flush()
  return { creators: all, seen }
}

/** Whether nothing was written between two looks, and nothing is being written. */
function isSameSnapshot(
  before: VersionSnapshot | undefined,
  now: VersionSnapshot | undefined,
): boolean {
  if (before === undefined || now === undefined) return false
  if ([...now.writing.values()].some(({ size }) => size > 0)) return false
  const versions = [...now.values]
  return (
    before.path === now.path && versions.every(([name, value]) => before.values.get(name) === value)
  )
}
