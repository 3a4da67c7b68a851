import { rm } from 'node:fs/promises'
import { z } from 'zod'
import { describeUpgrade, WriteFreeze } from '../../checks/store/shards/write-freeze.ts'
import { Failure } from '../../infra/failure.ts'
import { upgradeRecordOf } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { changeJsonRecord, readJsonRecord } from '../json-record.ts'
import { areOthers, asksForOthers, wantedServers } from './server-versions.ts'

/** An upgrade that was begun and not ended, as a stack's folder has it. */
export const BegunUpgrade = WriteFreeze.extend({
  /** Whether all that is done before the new servers are deployed is done: the data may be theirs since. */
  isPrepared: z.boolean(),
  /** Whether the servers of before ran, and everybody knew that nothing is written: without that nothing is taken back. */
  canGoBack: z.boolean(),
})
export type BegunUpgrade = z.infer<typeof BegunUpgrade>

export const readUpgrade = ({ home }: Settings): Promise<BegunUpgrade | undefined> =>
  readJsonRecord(upgradeRecordOf(home), BegunUpgrade)

export const recordUpgrade = ({ home }: Settings, upgrade: BegunUpgrade): Promise<void> =>
  changeJsonRecord(upgradeRecordOf(home), BegunUpgrade, () => upgrade)

export const forgetUpgrade = ({ home }: Settings): Promise<void> =>
  rm(upgradeRecordOf(home), { force: true })

/**
 * Requires that servers with data are put in the place of others by `npm run up` alone, which copies the data before and
 * goes back when the new ones do not prove themselves.
 * @throws Failure `misused` where Pulumi's own command was to do it
 */
export async function requireUpgradeBegun(settings: Settings): Promise<void> {
  if (!(await asksForOthers(settings))) return
  const begun = await readUpgrade(settings)
  const wanted = wantedServers(settings)
  if (begun !== undefined) {
    const isBack = !areOthers(settings, begun.from, wanted)
    if (isBack || (begun.isPrepared && !areOthers(settings, begun.to, wanted))) return
  }
  const { stack } = settings
  throw new Failure(
    'misused',
    `Stack ${stack} has data, and is to run with other servers than it was deployed with`,
    {
      mend: `let that be done by what copies the data first, and takes it back when it fails: npm run up -- --stack ${stack}`,
    },
  )
}

/**
 * Requires that no upgrade is left in the middle: what was written now might be taken back with it.
 * @throws Failure `refused` with the command that ends it
 */
export async function requireNoUpgrade(settings: Settings): Promise<void> {
  const begun = await readUpgrade(settings)
  if (begun === undefined) return
  throw new Failure('refused', describeInterrupted(begun, settings), {
    mend: `end it first, or have it taken back: npm run up -- --stack ${settings.stack}`,
  })
}

export const describeInterrupted = (
  { from, to, since }: BegunUpgrade,
  { stack }: Settings,
): string =>
  `An upgrade of stack ${stack} was interrupted (${describeUpgrade(from, to)}): nothing is written since ${since}, until it is ended`
