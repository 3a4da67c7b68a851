import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import { databaseOf } from '../../../infra/shards.ts'
import { randomFrom } from '../../bench/knowledge/population.ts'
import { Draw } from '../kills/draw.ts'
import { startChroma } from '../servers/chroma.ts'
import { outputsOf } from '../store/deployment.ts'
import { MOVER_PHASES, type MoverKill, type MoverPhase } from './mover-phases.ts'
import { type Acknowledged, DIMENSION } from './written.ts'

const WORKERS = import.meta.dirname
const COUNTS = [5, 8] as const
const WRITERS = 2
const CREATORS_EACH = 20
/** Requests of a phase at which the mover is killed: a move of so little has no more of most. */
const MOST_NTH = 5
/** One of so many movers has a writer stopped beside it. */
const STOPPED = 6
/** A mover gives up for a server that is late. */
const LAST_TRIES = 3

export interface ReshardKills {
  seed: number
  /** How often each phase was hit, before a request was sent and when it was answered. */
  hits: Record<MoverPhase, Record<MoverKill['moment'], number>>
  /** Movers that came to their end: their phase was not met as often. */
  ended: number
  /** Movers that met a server which was late, and ended: the next goes on. */
  gaveUp: number
  stops: number
  acknowledged: number
  /** Writes that failed: while their creator was being moved. */
  failed: number
  /** What cannot be: a document that is not as it was acknowledged. */
  faults: string[]
  millis: number
}

/**
 * Kills movers in every phase of moves there and back, while two processes write, one of which is stopped at times.
 * @param pauses milliseconds for which it is stopped, one of which is drawn
 */
export async function runReshardKills(
  seed: number,
  count: number,
  pauses: readonly number[],
  report: (line: string) => void = () => {},
): Promise<ReshardKills> {
  const started = performance.now()
  const draw = new Draw(randomFrom(seed))
  const chroma = [await startChroma(), await startChroma()]
  const outputs = outputsOf({
    chroma: chroma.map(({ url }) => url),
    dimensions: DIMENSION,
    shards: COUNTS[0],
  })
  const result: ReshardKills = {
    seed,
    hits: Object.fromEntries(
      MOVER_PHASES.map(phase => [phase, { before: 0, after: 0 }]),
    ) as ReshardKills['hits'],
    ended: 0,
    gaveUp: 0,
    stops: 0,
    acknowledged: 0,
    failed: 0,
    faults: [],
    millis: 0,
  }
  /** Texts by creator and document; undefined where nobody knows. */
  const wanted = new Map<string, Map<string, string[] | undefined>>()
  const writers = Array.from({ length: WRITERS }, (_, writer) => {
    const own = Array.from({ length: CREATORS_EACH }, (_, index) => `creator ${writer} ${index}`)
    for (const creator of own) wanted.set(creator, new Map())
    const child = fork(join(WORKERS, 'writer-worker.ts'), [
      JSON.stringify(outputs),
      JSON.stringify(own),
      String(seed + writer),
    ])
    child.on('message', (message: string | Acknowledged) => {
      if (typeof message === 'string') return
      const { creator, document, texts, wrong, failed } = message
      wanted.get(creator)!.set(document, texts)
      if (failed === undefined) result.acknowledged += 1
      else result.failed += 1
      if (wrong) result.faults.push(`${creator} ${document}: read ${wrong.join()} after ${texts}`)
    })
    return child
  })
  const move = async (shards: number, kill: MoverKill | null): Promise<boolean> => {
    const argv = [JSON.stringify(outputs), String(shards), JSON.stringify(kill)]
    const mover = fork(join(WORKERS, 'mover-worker.ts'), argv, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const [code, signal] = await once(mover, 'exit')
    if (code !== 0 && signal !== 'SIGKILL') result.gaveUp += 1
    return code === 0
  }
  const compare = async () => {
    for (const writer of writers) await pause(writer)
    const reader = await openDeployment(outputs)
    try {
      for (const [creator, documents] of wanted) {
        const found = Map.groupBy(
          await reader.knowledge().creator(creator).get(),
          ({ document }) => document,
        )
        for (const [document, texts] of documents) {
          const there = (found.get(document) ?? []).map(({ text }) => text)
          if (texts === undefined || there.join() === texts.join()) continue
          result.faults.push(`${creator} ${document}: ${there.join()} in place of ${texts.join()}`)
        }
      }
    } finally {
      await reader.close()
    }
    for (const writer of writers) writer.send('go')
  }
  try {
    for (const writer of writers) writer.send('go')
    await sleep(1000)
    let to = 1
    for (let at = 0; at < count; at += 1) {
      const phase = MOVER_PHASES[at % MOVER_PHASES.length]!
      const most = phase === 'begin' || phase === 'copy' || phase === 'compare' ? MOST_NTH : 2
      const kill = {
        phase,
        nth: 1 + draw.below(most),
        moment: draw.of(['before', 'after'] as const),
      }
      const stopping =
        draw.below(STOPPED) === 0 ? stopFor(draw.of(writers), draw.of(pauses)) : undefined
      if (stopping) result.stops += 1
      const ended = await move(COUNTS[to]!, kill)
      if (ended) {
        result.ended += 1
        to = 1 - to
      } else result.hits[phase][kill.moment] += 1
      await stopping
      const known = result.faults.length
      if (at % 4 === 3) await compare()
      report(`${at + 1} ${JSON.stringify(kill)} ${ended ? 'ended' : 'killed'}`)
      for (const fault of result.faults.slice(known)) report(`  ${fault}`)
    }
    let isOver = false
    for (let tries = 0; tries < LAST_TRIES && !isOver; tries += 1) {
      isOver = await move(COUNTS[to]!, null)
    }
    if (!isOver) result.faults.push('the last move did not end')
    await compare()
    await requireOneGeneration(outputs, result)
    return { ...result, millis: performance.now() - started }
  } finally {
    for (const writer of writers) writer.kill('SIGKILL')
    for (const server of chroma) await server.stop()
  }
}

async function pause(writer: ChildProcess): Promise<void> {
  const paused = new Promise<void>(resolve => {
    const hear = (message: unknown) => {
      if (message !== 'paused') return
      writer.off('message', hear)
      resolve()
    }
    writer.on('message', hear)
  })
  writer.send('pause')
  await paused
}

async function stopFor(writer: ChildProcess, millis: number): Promise<void> {
  writer.kill('SIGSTOP')
  await sleep(millis)
  writer.kill('SIGCONT')
}

/** What creators have left behind is gone. */
async function requireOneGeneration(
  outputs: ReturnType<typeof outputsOf>,
  result: ReshardKills,
): Promise<void> {
  const reader = await openDeployment(outputs)
  try {
    const { generation } = await reader.knowledge().statistics()
    for (let earlier = 1; earlier < generation; earlier += 1) {
      for (const server of reader.chroma) {
        const left = (await server.collections(databaseOf(earlier))).filter(({ name }) =>
          name.includes('shard'),
        )
        if (left.length > 0) result.faults.push(`generation ${earlier} has ${left.length} shards`)
      }
    }
  } finally {
    await reader.close()
  }
}
