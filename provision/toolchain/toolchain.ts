import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { readJsonIfSound } from '../json-record.ts'
import type { Task } from '../progress.ts'
import type { InstalledTool, Installer, Origin } from './installer.ts'
import { chromaFromNpm, chromaFromPypi } from './installers/chroma-packages.ts'
import { onPath } from './installers/from-path.ts'
import { fromSource } from './installers/from-source.ts'
import { fromVendor } from './installers/from-vendor.ts'
import type { ToolchainOptions } from './options.ts'
import { PINS, type ToolName, wantedVersion } from './pinned-tools.ts'

export type { Origin } from './installer.ts'
export type { ToolName } from './pinned-tools.ts'

/** A part of the toolchain, ready to run. */
export interface Tool extends InstalledTool {
  part: ToolName
  origin: Origin
  /** One line: which way it came, and why the ways before did not serve. */
  why: string
  /** Why not the way before, in short, where it was not told yet: `github.com: fetch failed: … ENOTFOUND`. */
  untold?: string
}

type Ways = [path: Installer, ...others: Installer[]]

/** The ways to each part in the order they are tried; the last needs nothing but package registries. */
const WAYS: Record<ToolName, Ways> = {
  pulumi: [onPath('pulumi'), fromVendor('pulumi'), fromSource('pulumi')],
  ollama: [onPath('ollama'), fromVendor('ollama'), fromSource('ollama')],
  chroma: [onPath('chroma'), chromaFromNpm, chromaFromPypi],
}

/**
 * Finds or obtains a part. What is found on PATH comes first, every time; past it the way that once served is
 * kept, until another version is pinned or its record in the cache (`tools/<part>-<version>.json`) is removed.
 * @throws Failure `unavailable` when no way serves, with the reason of each and what mends the last
 */
export async function obtainTool(
  part: ToolName,
  options: ToolchainOptions,
  task: Task,
): Promise<Tool> {
  const ways = WAYS[part]
  if (options.offlineBuild) {
    const { way, taken } = await takeFirst(part, ways.slice(-1), options, task)
    return { part, origin: way.origin, why: `${way.how}, as the offline build asks`, ...taken }
  }

  const choice = await readChoice(part, options)
  const served = await takeFirst(part, ordered(ways, choice), options, task)
  const { way, taken, refusals } = served
  // What is on PATH is looked at every time, and may be something else than when the choice was made.
  const notOnPath = refusals.slice(0, 1)
  const isChosen = way.name === choice?.way
  const because = isChosen ? choice.refusals : refusals.slice(1)
  if (way.origin !== 'path' && !isChosen) {
    await writeChoice(part, options, { way: way.name, refusals: because })
  }
  const why = [way.how, ...notOnPath, ...because].join('; ')
  const untold = served.isTold || choice !== undefined ? undefined : because.at(-1)
  return {
    part,
    origin: way.origin,
    why,
    ...(untold !== undefined && { untold: short(untold) }),
    ...taken,
  }
}

/** Of an address its host is enough. */
const short = (reason: string): string => reason.replace(/https?:\/\/([^/\s]+)\S*(?=:\s)/g, '$1')

/** The way chosen before comes right behind PATH. */
function ordered([path, ...others]: Ways, choice: Choice | undefined): Installer[] {
  const isChosen = (way: Installer) => way.name === choice?.way
  return [path, ...others.filter(isChosen), ...others.filter(way => !isChosen(way))]
}

interface Served {
  way: Installer
  taken: InstalledTool
  /** Why the ways before it did not serve, a line each. */
  refusals: string[]
  /** Whether the last of these was told before a long way was gone. */
  isTold: boolean
}

async function takeFirst(
  part: ToolName,
  ways: readonly Installer[],
  options: ToolchainOptions,
  task: Task,
): Promise<Served> {
  const failures: unknown[] = []
  let isTold = false
  for (const way of ways) {
    // Who is about to wait is told why before it begins.
    const note = (text: string) => {
      isTold = true
      const reason = failures.length === 0 ? '' : `${short(firstLine(failures.at(-1)))}; `
      task.note?.(`${reason}${text}`)
    }
    try {
      const taken = await way.install(options, { ...task, note })
      return { way, taken, refusals: failures.map(firstLine), isTold }
    } catch (error) {
      task.signal.throwIfAborted()
      failures.push(error)
    }
  }
  throw noneServes(part, wantedVersion(part, options), failures)
}

function noneServes(part: ToolName, version: string, failures: unknown[]): Failure {
  const { title } = PINS[part]
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

/** Which way a part was come by and why, so that the ways that did not serve are not tried at every start. */
const Choice = z.object({
  way: z.string(),
  /** Of the ways between PATH and it, why they did not serve. */
  refusals: z.array(z.string()),
})
type Choice = z.infer<typeof Choice>

/** @returns undefined when none was made yet, for this version */
const readChoice = (part: ToolName, options: ToolchainOptions): Promise<Choice | undefined> =>
  readJsonIfSound(fileOf(part, options), Choice)

/** Written in one step, so that a reader beside it finds the old one or the new one. */
async function writeChoice(
  part: ToolName,
  options: ToolchainOptions,
  choice: Choice,
): Promise<void> {
  const file = fileOf(part, options)
  const draft = `${file}.${process.pid}`
  await mkdir(dirname(file), { recursive: true })
  await writeFile(draft, `${JSON.stringify(choice, null, 2)}\n`)
  await rename(draft, file)
}

function fileOf(part: ToolName, options: ToolchainOptions): string {
  return join(options.cache, 'tools', `${part}-${wantedVersion(part, options)}.json`)
}
