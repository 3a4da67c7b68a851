import { randomUUID } from 'node:crypto'
import type { CopyRequest } from '../../checks/chroma-files/data-copy.ts'
import { openDeployment } from '../../checks/connected-deployment.ts'
import { findMove, moveUnderWay } from '../../checks/reshard/find-move.ts'
import type { Knowledge } from '../../checks/store/knowledge.ts'
import { describeUpgrade } from '../../checks/store/shards/write-freeze.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import type { Outputs } from '../../infra/outputs.ts'
import type { ServerVersions } from '../../infra/settings/server-version.ts'
import type { StackFile } from '../../infra/settings/settings-file.ts'
import { type Bytes, counted, formatBytes, formatDuration } from '../../infra/units.ts'
import { requireNoBackup } from '../backup/under-way.ts'
import { recordedLayout } from '../ownership/recorded-layout.ts'
import type { Task } from '../progress.ts'
import type { Steps } from '../steps/steps.ts'
import type { TargetCommands } from '../targets/target.ts'
import {
  areOthers,
  asksForOthers,
  deployedServers,
  isOfBefore,
  isOther,
  serverName,
  wantedServers,
  withServers,
} from './server-versions.ts'
import { type BegunUpgrade, forgetUpgrade, readUpgrade, recordUpgrade } from './upgrade-record.ts'

/** What an upgrade needs of the command that it is a part of. */
export interface Upgrading<Deployed> {
  target: TargetCommands
  steps: Steps
  /** The outputs of what is deployed; undefined where nothing is. */
  outputs(): Promise<Outputs | undefined>
  /** Deploys a stack's file and verifies what runs then. */
  deploy(stack: StackFile): Promise<Deployed>
}

/** What a deployment came to. */
interface Verified {
  outputs: Outputs
  /** Why it is not as it should be; undefined when all checks passed. */
  problem: string | undefined
}

/**
 * The upgrade that a stack's settings ask for, or that was interrupted.
 * @returns undefined where there is no data, or the servers stay those that they are
 * @throws Failure `misused` for settings that ask for neither end of one that was interrupted
 */
export async function upgradeOf(stack: StackFile): Promise<BegunUpgrade | undefined> {
  const { settings } = stack
  const to = wantedServers(settings)
  const begun = await readUpgrade(settings)
  if (begun !== undefined) {
    const isKnown = [begun.from, begun.to].some(known => !areOthers(settings, known, to))
    if (isKnown || begun.state === 'over') return begun
    throw new Failure(
      'misused',
      `Stack ${settings.stack} is in the middle of an upgrade: ${describeUpgrade(begun.from, begun.to)}`,
      { mend: `set the versions of either end in ${stack.path}, and run this again` },
    )
  }
  if (!(await asksForOthers(settings))) return undefined
  const from = deployedServers(settings)
  const since = new Date().toISOString()
  return { id: randomUUID(), state: 'frozen', since, from, to, isPrepared: false, canGoBack: true }
}

/**
 * Puts the servers that the settings ask for under the data that is there. Nothing is written from before the data is
 * copied until they are verified. When they are not, those of before run again, with the data as it was. Whatever it is
 * interrupted at, the next time goes on.
 * @throws Failure `refused` when the new servers did not prove themselves; `misused` in the middle of a move
 */
export async function upgraded<Deployed extends Verified>(
  stack: StackFile,
  upgrade: BegunUpgrade,
  upgrading: Upgrading<Deployed>,
): Promise<Deployed> {
  const { deploy, steps } = upgrading
  const { settings } = stack
  const { from, to } = upgrade
  const isBack = !areOthers(settings, from, wantedServers(settings))
  // What was written since stays, where only its end was interrupted, or nothing was frozen: whatever the settings ask for
  // is the next.
  if (upgrade.state === 'over' || (isBack && !upgrade.canGoBack)) {
    await end(stack, upgrade, await running(stack, deployedServers(settings), upgrading), upgrading)
    const next = await upgradeOf(stack)
    return next === undefined ? deploy(stack) : upgraded(stack, next, upgrading)
  }
  if (isBack) {
    steps.note(`${describeUpgrade(to, from)}, as the settings ask for in the middle of an upgrade`)
    return takeBack(stack, upgrade, upgrading)
  }
  steps.note(
    `${describeUpgrade(from, to)}: until the new servers are verified, nothing is written to the knowledge; questions are answered, but while a server starts`,
  )
  const { canGoBack } = upgrade.isPrepared ? upgrade : await begin(stack, upgrade, upgrading)
  // Once more where it was interrupted: what was put back meanwhile has no copy any more.
  if (upgrade.isPrepared && canGoBack) await copyBefore(stack, upgrade, upgrading)
  const problem = await deploy(stack).then(
    async done => {
      const problem =
        done.problem ??
        (canGoBack ? await lostFreeze(upgrade, done.outputs).catch(reasonOf) : undefined)
      if (problem !== undefined) return problem
      await end(stack, upgrade, done.outputs, upgrading)
      return done
    },
    error => {
      if (!(error instanceof Failure) || error.kind !== 'interrupted') return reasonOf(error)
      steps.note(`Nothing is written until the upgrade is ended: ${again(stack)}`)
      throw error
    },
  )
  if (typeof problem !== 'string') return problem
  if (!canGoBack) {
    throw new Failure('unavailable', problem, {
      mend: `mend that, and: ${again(stack)}; a copy of Chroma's data is kept beside it until then, where Chroma is another`,
    })
  }
  steps.note(`${problem}\n\nThe servers of before are put in place again, with the data as it was`)
  const back = await takeBack(stack, upgrade, upgrading).catch(error => {
    throw notTakenBack(stack, problem, error)
  })
  const state =
    back.problem === undefined
      ? 'which are verified, with the data as it was; it is written to again'
      : `with the data as it was. It is written to again, but: ${back.problem}`
  throw new Failure(
    'refused',
    `The upgrade was taken back (${describeUpgrade(from, to)}): ${problem}\nThe stack runs with the servers of before, ${state}`,
    {
      mend: `mend what failed and run this again; or stay: knowledge-stack:chromaVersion ${from.chroma.version}, knowledge-stack:ollamaVersion ${from.ollama.version} in ${stack.path}`,
    },
  )
}

/** The discard port. */
const NOWHERE = { kind: 'direct', url: 'http://127.0.0.1:9' } as const

const again = ({ settings }: StackFile): string => `npm run up -- --stack ${settings.stack}`

function notTakenBack(stack: StackFile, problem: string, error: unknown): unknown {
  if (error instanceof Failure && error.kind === 'interrupted') return error
  return new Failure(
    'unavailable',
    `${problem}\nThe servers of before could not be put in place again: ${reasonOf(error)}\nNothing is written until they are`,
    { mend: `mend that, and: ${again(stack)}`, cause: error },
  )
}

/** From now on nothing is written, and of the data there is a copy. @returns the upgrade, as it is on record then */
async function begin(
  stack: StackFile,
  upgrade: BegunUpgrade,
  upgrading: Upgrading<Verified>,
): Promise<BegunUpgrade> {
  const { steps } = upgrading
  const outputs = await running(stack, upgrade.from, upgrading).catch(error => {
    if (error instanceof Failure && error.kind === 'interrupted') throw error
    steps.note(`There is nothing to go back to: ${reasonOf(error)}`)
    return undefined
  })
  const canGoBack = outputs !== undefined
  await steps.run('freeze', async ({ signal }) => {
    if (outputs === undefined) return recordUpgrade(stack.settings, { ...upgrade, canGoBack })
    await withKnowledge(outputs, async knowledge => {
      const { target } = await findMove(knowledge, signal)
      if (target !== undefined) throw moveUnderWay(target)
      await requireNoBackup(knowledge.backups, signal)
      await recordUpgrade(stack.settings, upgrade)
      await recordFreeze(knowledge, upgrade, signal)
    })
  })
  try {
    await copyBefore(stack, upgrade, upgrading)
  } catch (error) {
    // Nothing was changed yet. Where even that cannot be said, the next time goes on.
    if (outputs !== undefined) {
      await end(stack, upgrade, outputs, upgrading).catch(() =>
        steps.note(`Nothing is written until the upgrade is ended: ${again(stack)}`),
      )
    }
    throw error
  }
  const prepared = { ...upgrade, isPrepared: true, canGoBack }
  await recordUpgrade(stack.settings, prepared)
  return prepared
}

/** Why new servers are not taken that say nothing wrong of themselves: one has lost what was recorded on it. */
async function lostFreeze({ id }: BegunUpgrade, outputs: Outputs): Promise<string | undefined> {
  const known: boolean[] = []
  await withKnowledge(outputs, async knowledge => {
    const { shards } = await knowledge.generations.newest()
    const freezes = await shards.layouts.readFreezes(shards.settings.shards)
    known.push(...freezes.map(record => record?.freeze.id === id))
  })
  const server = known.indexOf(false)
  return server < 0 ? undefined : `Chroma server ${server} does not have what was recorded on it`
}

/** Without another Chroma there is nothing to go back to: nobody writes. */
async function copyBefore(
  stack: StackFile,
  upgrade: BegunUpgrade,
  upgrading: Upgrading<Verified>,
): Promise<void> {
  if (!isOther(stack.settings, upgrade.from.chroma, upgrade.to.chroma)) return
  await upgrading.steps.run(
    'copy',
    task => onCopies(stack, { do: 'make', id: upgrade.id }, upgrading, task),
    copied => `${formatBytes(copied.reduce((sum, bytes) => sum + bytes, 0))} of data`,
  )
}

/** What is deployed, and answers; where a stack does not run, it is started with these servers first. */
async function running(
  stack: StackFile,
  servers: ServerVersions,
  { outputs, deploy, steps }: Upgrading<Verified>,
): Promise<Outputs> {
  const deployed = await outputs()
  const isOlder = isOfBefore(stack.settings)
  if (!isOlder && deployed !== undefined && (await answers(deployed))) return deployed
  steps.note(
    isOlder
      ? 'Its API knows of no upgrade: the stack is deployed as it is first'
      : 'The stack does not run: it is started as it was first',
  )
  return (await deploy(withServers(stack, servers))).outputs
}

const answers = (outputs: Outputs): Promise<boolean> =>
  withKnowledge(outputs, async knowledge => {
    await Promise.all(knowledge.shards.servers.map(server => server.maxBatch()))
  }).then(
    () => true,
    () => false,
  )

/** Deploys the servers of before the upgrade again, with the data of then. */
async function takeBack<Deployed extends Verified>(
  stack: StackFile,
  upgrade: BegunUpgrade,
  upgrading: Upgrading<Deployed>,
): Promise<Deployed> {
  const { steps, deploy } = upgrading
  const { from, to, id } = upgrade
  if (isOther(stack.settings, from.chroma, to.chroma)) {
    const server = serverName(stack.settings, from.chroma)
    const request = { do: 'put-back' as const, id, server }
    await steps.run(
      'data',
      task => onCopies(stack, request, upgrading, task),
      found => `that of ${counted(found.length, 'server')} is to be put back`,
    )
  }
  // From then on the data may be in its place, and the copy gone: the next time makes another.
  await recordUpgrade(stack.settings, { ...upgrade, isPrepared: false })
  const done = await deploy(withServers(stack, from))
  await end(stack, upgrade, done.outputs, upgrading)
  return done
}

/** Whatever runs now is written to again, and no copy is kept. */
async function end(
  stack: StackFile,
  upgrade: BegunUpgrade,
  outputs: Outputs,
  upgrading: Upgrading<Verified>,
): Promise<void> {
  const over = { ...upgrade, state: 'over' as const }
  await upgrading.steps.run(
    'thaw',
    async task => {
      await recordUpgrade(stack.settings, over)
      // One that is to be put back is gone before something is written that it does not have.
      if (isOther(stack.settings, upgrade.from.chroma, upgrade.to.chroma)) {
        await onCopies(stack, { do: 'remove' }, upgrading, task)
      }
      await withKnowledge(outputs, knowledge => recordFreeze(knowledge, over, task.signal))
      await forgetUpgrade(stack.settings)
    },
    () => `it is written again, after ${formatDuration(Date.now() - Date.parse(upgrade.since))}`,
  )
}

/** Chroma alone is asked: Ollama may not run, and be what is to be replaced. */
async function withKnowledge(
  { api: _, ollama: [first, ...others], ...outputs }: Outputs,
  use: (knowledge: Knowledge) => Promise<void>,
): Promise<void> {
  const closed = <Pool extends object>(pool: Pool) => ({ ...pool, reach: NOWHERE })
  const ollama: Outputs['ollama'] = [closed(first), ...others.map(closed)]
  const deployment = await openDeployment({ ...outputs, ollama })
  try {
    await use(deployment.knowledge())
  } finally {
    await deployment.close()
  }
}

async function recordFreeze(
  knowledge: Knowledge,
  { isPrepared: _, canGoBack: __, ...freeze }: BegunUpgrade,
  signal: AbortSignal,
): Promise<void> {
  const { shards } = await knowledge.generations.newest(signal)
  await shards.layouts.recordFreeze(shards.settings.shards, freeze)
}

/** @returns bytes of each copy that is there then */
async function onCopies(
  { settings }: StackFile,
  copy: CopyRequest,
  { target }: Upgrading<Verified>,
  { report, signal }: Task,
): Promise<Bytes[]> {
  const found: Bytes[] = []
  const { instances = settings.chroma.instances } = (await recordedLayout(settings)) ?? {}
  for (let instance = 0; instance < instances; instance += 1) {
    report(`Chroma server ${instance}`)
    const request = { traces: '', erase: false, copy }
    const done = await target.besideData(settings, instance, request, signal)
    if (done.copy !== undefined) found.push(done.copy.bytes)
  }
  return found
}
