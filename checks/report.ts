import { z } from 'zod'
import { CHECK_VERDICTS, type CheckVerdict, wordOf } from './check-verdict.ts'

/** The verification's result: what `verify --json` prints, what the API and the stack's resource hand on. */
export const CheckResult = z.object({
  name: z.string(),
  /** What is true when the check passes. */
  proves: z.string(),
  verdict: z.enum(CHECK_VERDICTS),
  /** What was found, with the figures; never a record. */
  detail: z.string(),
  /** What mends it. */
  mend: z.string().optional(),
  notes: z.array(z.string()).optional(),
  millis: z.number().nonnegative(),
})

export const Report = z.object({
  target: z.object({
    stack: z.string(),
    kind: z.string(),
    /** In instance order. */
    chroma: z.array(z.string()),
    ollama: z.array(z.object({ pool: z.string(), url: z.string() })),
  }),
  runId: z.string(),
  startedAt: z.iso.datetime(),
  millis: z.number().nonnegative(),
  readOnly: z.boolean(),
  deep: z.boolean(),
  /** `failed` when a check failed, else `unchecked` when one could not be made, else `passed`. */
  verdict: z.enum(['passed', 'failed', 'unchecked']),
  checks: z.array(CheckResult),
})

export type CheckResult = z.infer<typeof CheckResult>
export type Report = z.infer<typeof Report>

/** Those that found the same, in the order of the first of each. */
export const groupAlike = (checks: readonly CheckResult[]): CheckResult[][] => [
  ...Map.groupBy(checks, ({ verdict, detail, notes = [] }) =>
    JSON.stringify([verdict, detail, notes]),
  ).values(),
]

export function verdictOf(checks: readonly Pick<CheckResult, 'verdict'>[]): Report['verdict'] {
  const verdicts = new Set(checks.map(check => check.verdict))
  if (verdicts.has('failed')) return 'failed'
  return verdicts.has('unchecked') ? 'unchecked' : 'passed'
}

/** 1: a check failed. 3: none failed, but something could not be checked. */
export function exitCode(report: Report): 0 | 1 | 3 {
  return { passed: 0, failed: 1, unchecked: 3 }[report.verdict] as 0 | 1 | 3
}

/** `12 passed, 1 not checked, 2 skipped` */
export const describeReport = ({
  checks,
}: {
  checks: readonly { verdict: CheckVerdict }[]
}): string =>
  CHECK_VERDICTS.map(of => [checks.filter(({ verdict }) => verdict === of).length, of] as const)
    .filter(([count]) => count > 0)
    .map(([count, of]) => `${count} ${wordOf(of)}`)
    .join(', ')
