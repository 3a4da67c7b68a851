import type { DeployedModel } from '../infra/outputs.ts'
import type { Bytes } from '../infra/units.ts'
import type { ConnectedDeployment } from './connected-deployment.ts'
import type { Scratch } from './probe/scratch.ts'

/**
 * - `failed`: the deployment is wrong in this point
 * - `unchecked`: it could not be found out
 * - `skipped`: there is nothing to check here
 */
export type Verdict = 'passed' | 'failed' | 'unchecked' | 'skipped'

/** What a check found. It never holds anything of a record that is not the verification's own. */
export interface Finding {
  verdict: Verdict
  /** One sentence with the figures. */
  detail: string
  /** What mends it, where something does. */
  mend?: string
  /** What is worth knowing and makes no difference to the verdict. */
  notes?: string[]
}

/** What a check found of one of several parts, with the names that its sentence calls the part by. */
export interface PartFinding extends Finding {
  part?: readonly string[]
}

/** What a check works with. */
export interface CheckContext {
  deployment: ConnectedDeployment
  /** Where this run writes, and nowhere else. */
  scratch: Scratch
  /** Nothing may be written and no model loaded. */
  readOnly: boolean
  /** Everything is looked at, where a sample would do. */
  deep: boolean
  /** What a recorded process of this machine holds, with its runners; absent where nobody can tell. */
  memoryOfProcess?: MemoryOfProcess
  signal: AbortSignal
  /** Unix milliseconds. */
  now: () => number
}

/** @param record file that records the process */
export type MemoryOfProcess = (record: string) => Promise<Bytes>

/** One check. Adding one is one file and one line in all-checks.ts. */
export interface Check {
  /** Kebab-case, unique; the file's name. */
  name: string
  /** What is true when it passes, as a sentence without a full stop. */
  proves: string
  /** Checks without which this one cannot find anything out. */
  after: readonly string[]
  /** It writes, so it is left out where nothing may be written. */
  writes?: true
  run(context: CheckContext): Promise<Finding>
}

export const passed = (detail: string, notes?: string[]): Finding => ({
  verdict: 'passed',
  detail,
  ...(notes === undefined || notes.length === 0 ? {} : { notes }),
})
export const failed = (detail: string, mend?: string): Finding => finding('failed', detail, mend)
export const unchecked = (detail: string, mend?: string): Finding =>
  finding('unchecked', detail, mend)
export const skipped = (detail: string): Finding => finding('skipped', detail)

const finding = (verdict: Verdict, detail: string, mend?: string): Finding => ({
  verdict,
  detail,
  ...(mend === undefined ? {} : { mend }),
})

/** A finding of a part, to be taken together with those of its like. */
export const ofPart = (part: readonly string[], finding: Finding): PartFinding => ({
  ...finding,
  part,
})

/**
 * What several parts of a deployment are found to be: wrong when one is, and sure only when all are. What is found of
 * several in the same words is said once.
 */
export function together(findings: readonly PartFinding[]): Finding {
  const decisive = (['failed', 'unchecked', 'passed', 'skipped'] as const)
    .map(verdict => findings.filter(found => found.verdict === verdict))
    .find(group => group.length > 0)
  if (decisive === undefined) return skipped('there is nothing to check')
  const mends = new Set(decisive.map(found => found.mend).filter(mend => mend !== undefined))
  const notes = findings.flatMap(found => found.notes ?? [])
  return {
    ...finding(
      decisive[0]!.verdict,
      [...kindsOf(decisive)].map(describeKind).join('; '),
      mends.size === 0 ? undefined : [...mends].join('; '),
    ),
    ...(notes.length === 0 ? {} : { notes }),
  }
}

const NAMED_AT_MOST = 3

/** Those that say the same, each of its own part. */
function kindsOf(findings: readonly PartFinding[]): Iterable<PartFinding[]> {
  const sentence = ({ detail, part = [] }: PartFinding) =>
    part.toSorted(longestFirst).reduce((text, name) => text.replaceAll(name, '\0'), detail)
  return Map.groupBy(findings, sentence).values()
}

/** The one name may be the beginning of the other. */
const longestFirst = (a: string, b: string): number => b.length - a.length

function describeKind([first, ...others]: PartFinding[]): string {
  const names = others.flatMap(({ part = [] }) => part.slice(0, 1))
  if (names.length === 0) return first!.detail
  const named = names.slice(0, NAMED_AT_MOST).join(', ')
  const more = names.length - NAMED_AT_MOST
  return `${first!.detail}; so it is with ${named}${more > 0 ? ` and ${more} more` : ''}`
}

/** The deployment's models of one role. */
export const modelsOf = (context: CheckContext, role: DeployedModel['role']): DeployedModel[] =>
  context.deployment.outputs.models.filter(model => model.role === role)
