import { performance } from 'node:perf_hooks'
import { Failure, reasonOf } from '../infra/failure.ts'
import type { Outputs } from '../infra/outputs.ts'
import { seconds } from '../infra/units.ts'
import { ALL } from './all-checks.ts'
import {
  type Check,
  type CheckContext,
  type Finding,
  failed,
  type MemoryOfProcess,
  unchecked,
} from './check.ts'
import { type ConnectedDeployment, openDeployment } from './connected-deployment.ts'
import { newRun } from './probe/run-id.ts'
import { Scratch } from './probe/scratch.ts'
import { type CheckResult, type Report, verdictOf } from './report.ts'
import type { Fetch } from './transport/connection.ts'
import { ServerError } from './transport/server-error.ts'

export interface RunChecksOptions {
  /** Write nothing and load nothing: what needs it could not be checked. */
  readOnly: boolean
  /** Look at every record where a sample would do. */
  deep?: boolean
  signal: AbortSignal
  /** Told of each check as it begins: `creators-apart, 14 of 24`. */
  report?: (text: string) => void
  now?: () => number
  fetch?: Fetch
  /** What a server that is a process of this machine holds is compared with the plan only where this is given. */
  memoryOfProcess?: MemoryOfProcess
  /** The checks to make, in this order; all of them when absent. */
  checks?: readonly Check[]
}

const CLEANING_DEADLINE = seconds(20)

/**
 * Makes the checks one after another and says what they found. Whatever happens, what the run wrote is taken
 * back before this ends; a run that was killed is swept by the next.
 * @throws the signal's reason when it was aborted, Failure `misused` for invalid outputs
 */
export async function runChecks(outputs: Outputs, options: RunChecksOptions): Promise<Report> {
  const { readOnly, deep = false, signal, now = Date.now, memoryOfProcess } = options
  const wanted = options.checks ?? ALL
  const run = newRun(now())
  const started = performance.now()
  const deployment = await openDeployment(outputs, { now, fetch: options.fetch })
  const scratch = new Scratch(deployment, run)
  const context: CheckContext = {
    deployment,
    scratch,
    readOnly,
    deep,
    ...(memoryOfProcess && { memoryOfProcess }),
    signal,
    now,
  }
  const results = new Map<string, CheckResult>()
  const causes: Causes = new Map()
  try {
    for (const [index, check] of wanted.entries()) {
      signal.throwIfAborted()
      options.report?.(`${check.name}, ${index + 1} of ${wanted.length}`)
      results.set(check.name, await make(check, context, results, causes))
    }
  } finally {
    await cleanAtLast(scratch)
    await deployment.close()
  }
  const checks = [...results.values()]
  return {
    target: targetOf(deployment),
    runId: run.id,
    startedAt: run.startedAt.toISOString(),
    millis: performance.now() - started,
    readOnly,
    deep,
    verdict: verdictOf(checks),
    checks,
  }
}

async function make(
  check: Check,
  context: CheckContext,
  results: ReadonlyMap<string, CheckResult>,
  causes: Causes,
): Promise<CheckResult> {
  const started = performance.now()
  const found = hindrance(check, context, results, causes) ?? (await attempt(check, context))
  const { name, proves } = check
  return { name, proves, ...found, millis: performance.now() - started }
}

const UNSURE = new Set<string | undefined>(['failed', 'unchecked'])

/** For those that were not even tried: the checks in whose way something was first. */
type Causes = Map<string, string[]>

/** Why a check is not even tried. */
function hindrance(
  check: Check,
  context: CheckContext,
  results: ReadonlyMap<string, CheckResult>,
  causes: Causes,
): Finding | undefined {
  const unsure = check.after.filter(name => UNSURE.has(results.get(name)?.verdict))
  if (unsure.length > 0) {
    const first = [...new Set(unsure.flatMap(name => causes.get(name) ?? [name]))]
    causes.set(check.name, first)
    return unchecked(`${first.join(' and ')} did not pass, which it needs`)
  }
  if (check.writes && context.readOnly) return unchecked('it writes, and this run is read only')
  return undefined
}

async function attempt(check: Check, context: CheckContext): Promise<Finding> {
  try {
    return await check.run(context)
  } catch (error) {
    context.signal.throwIfAborted()
    return findingOf(error)
  }
}

/** A server that fails or does not answer is a wrong deployment; one that is busy only is not. */
function findingOf(error: unknown): Finding {
  if (error instanceof ServerError && error.reason === 'busy') {
    return unchecked(error.message, error.mend)
  }
  if (error instanceof Failure) return failed(error.message, error.mend)
  return unchecked(`the check itself broke: ${reasonOf(error)}`)
}

/** The last check cleans up too and says how it went; this is for the runs that do not get there. */
async function cleanAtLast(scratch: Scratch): Promise<void> {
  try {
    await scratch.clean(AbortSignal.timeout(CLEANING_DEADLINE))
  } catch {
    // The server is gone: the next run sweeps what is left.
  }
}

function targetOf({ outputs }: ConnectedDeployment): Report['target'] {
  return {
    stack: outputs.stack,
    kind: outputs.target,
    chroma: outputs.chroma.instances.map(({ reach }) => reach.url),
    ollama: outputs.ollama.map(({ pool, reach }) => ({ pool, url: reach.url })),
  }
}
