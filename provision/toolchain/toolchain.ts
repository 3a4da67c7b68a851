import { Failure, reasonOf } from '../../infra/failure.ts'
import type { Task } from '../progress.ts'
import { type Choice, readChoice, writeChoice } from './choice.ts'
import { chromaFromNpm, chromaFromPypi } from './chroma.ts'
import type { ToolchainOptions } from './options.ts'
import { type Part, PINS } from './parts.ts'
import { onPath } from './path.ts'
import { fromSource } from './source.ts'
import { fromVendor } from './vendor.ts'
import type { Origin, Taken, Way } from './way.ts'

export type { Part } from './parts.ts'
export type { Origin } from './way.ts'

/** A part of the toolchain, ready to run. */
export interface Tool extends Taken {
  part: Part
  origin: Origin
  /** One line: which way it came, and why the ways before did not serve. */
  why: string
}

type Ways = [path: Way, ...others: Way[]]

/** The ways to each part in the order they are tried; the last needs nothing but package registries. */
const WAYS: Record<Part, Ways> = {
  pulumi: [onPath('pulumi'), fromVendor('pulumi'), fromSource('pulumi')],
  ollama: [onPath('ollama'), fromVendor('ollama'), fromSource('ollama')],
  chroma: [onPath('chroma'), chromaFromNpm, chromaFromPypi],
}

/**
 * Finds or obtains a part. What is found on PATH comes first, every time; past it the way that once served is
 * kept, until another version is pinned or its record in the cache (`tools/<part>-<version>.json`) is removed.
 * @throws Failure `unavailable` when no way serves, with the reason of each and what mends the last
 */
export async function obtainTool(part: Part, options: ToolchainOptions, task: Task): Promise<Tool> {
  const ways = WAYS[part]
  if (options.offlineBuild) {
    const { way, taken } = await takeFirst(part, ways.slice(-1), options, task)
    return toolOf(part, way, taken, `${way.how}, as the offline build asks`)
  }

  const choice = await readChoice(part, options.cache)
  const { way, taken, refusals } = await takeFirst(part, ordered(ways, choice), options, task)
  if (way.name === choice?.way) return toolOf(part, way, taken, choice.why)

  const why = [way.how, ...refusals].join('; ')
  if (way.origin !== 'path') await writeChoice(part, options.cache, { way: way.name, why })
  return toolOf(part, way, taken, why)
}

/** The way chosen before comes right behind PATH. */
function ordered([path, ...others]: Ways, choice: Choice | undefined): Way[] {
  const isChosen = (way: Way) => way.name === choice?.way
  return [path, ...others.filter(isChosen), ...others.filter(way => !isChosen(way))]
}

function toolOf(part: Part, { origin }: Way, taken: Taken, why: string): Tool {
  return { part, origin, why, ...taken }
}

interface Served {
  way: Way
  taken: Taken
  /** Why the ways before it did not serve, a line each. */
  refusals: string[]
}

async function takeFirst(
  part: Part,
  ways: readonly Way[],
  options: ToolchainOptions,
  task: Task,
): Promise<Served> {
  const failures: unknown[] = []
  for (const way of ways) {
    try {
      const taken = await way.take(options, task)
      return { way, taken, refusals: failures.map(firstLine) }
    } catch (error) {
      task.signal.throwIfAborted()
      failures.push(error)
    }
  }
  throw noneServes(part, failures)
}

function noneServes(part: Part, failures: unknown[]): Failure {
  const { title, version } = PINS[part]
  const last = failures.at(-1)
  const reasons = failures.map(failure => `  - ${messageOf(failure)}`).join('\n')
  const mend = last instanceof Failure ? last.mend : undefined
  return new Failure('unavailable', `${title} ${version} cannot be obtained:\n${reasons}`, {
    ...(mend && { mend }),
    cause: last,
  })
}

function messageOf(error: unknown): string {
  return error instanceof Failure ? error.message : reasonOf(error)
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0]!
}
