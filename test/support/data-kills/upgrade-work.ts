import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { Failure } from '../../../infra/failure.ts'
import { chromaProcess } from '../../../infra/local/chroma-process.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { versionRecordOf } from '../../../infra/settings/home-paths.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { readStackFile, type StackFile } from '../../../infra/settings/settings-file.ts'
import { readProcessRecord } from '../../../provision/processes/process-record.ts'
import { stopProcess } from '../../../provision/processes/stop-process.ts'
import type { Task } from '../../../provision/progress.ts'
import { processKind } from '../../../provision/provider/resources/process-resource.ts'
import { versionRecordKind } from '../../../provision/provider/resources/version-record-resource.ts'
import type { Steps } from '../../../provision/steps/steps.ts'
import type { TargetCommands } from '../../../provision/targets/target.ts'
import { upgraded, upgradeOf } from '../../../provision/upgrade/upgrade.ts'
import type { Kill } from './phases.ts'

/** What an upgrade is to do. */
export interface UpgradeWork {
  name: 'upgrade'
  /** The stack's file, which names the version. */
  file: string
  ports: number[]
  /** Folders of the servers' data. */
  data: string[]
  /** Whether the new servers lose what they find, so that the upgrade is taken back. */
  spoils: boolean
}

/** Milliseconds after which a step is interrupted, at most. */
const WITHIN_STEP = 200

const quiet: Task = { signal: new AbortController().signal, report() {} }

/** A Chroma server of a stack, on a port of its own. */
const argsOf = (settings: Settings, ports: readonly number[], index: number) => {
  const chroma = { ...settings.chroma, port: ports[index]! - index }
  return chromaProcess({ ...settings, chroma }, index)
}

/** Puts the Chroma servers of a stack's version in the place of those that run, under the watchdog of a stack. */
export async function placeServers(settings: Settings, ports: readonly number[]): Promise<void> {
  for (const index of ports.keys()) {
    const args = argsOf(settings, ports, index)
    const running = await readProcessRecord(args.record)
    if (running !== undefined) await stopProcess(running)
    await processKind.create(args, quiet)
  }
  const { version } = settings.chroma
  const image = settings.configuredImages.chroma
  const file = versionRecordOf(settings.home, 'chroma')
  await versionRecordKind.create({ file, version, image }, quiet)
}

export async function endServers(settings: Settings, ports: readonly number[]): Promise<void> {
  for (const index of ports.keys()) {
    const running = await readProcessRecord(argsOf(settings, ports, index).record)
    if (running !== undefined) await stopProcess(running)
  }
}

/**
 * Upgrades as `up` does, but for Pulumi: the servers are placed by what its provider does.
 * @param besideData as a target's
 * @param dies ends this process
 * @returns whether the new servers stayed
 */
export async function runUpgrade(
  { file, ports, spoils }: UpgradeWork,
  outputs: Outputs,
  besideData: TargetCommands['besideData'],
  kill: Kill | null,
  dies: () => void,
): Promise<{ upgraded: boolean }> {
  const stack = await readStackFile('test', file)
  const upgrade = await upgradeOf(stack)
  if (upgrade === undefined) return { upgraded: true }
  let met = 0
  const step = async <Result>(title: string, work: () => Promise<Result>): Promise<Result> => {
    const isMet = kill?.phase === title && ++met === kill.nth
    if (isMet && kill.moment === 'before') {
      void sleep(Math.random() * WITHIN_STEP).then(dies)
    }
    const result = await work()
    if (isMet) dies()
    return result
  }
  const steps = {
    run: (title: string, work: (task: Task) => Promise<unknown>) => step(title, () => work(quiet)),
    note() {},
  } as unknown as Steps
  const deploy = async (asked: StackFile) => {
    await step('deploy', () => placeServers(asked.settings, ports))
    if (asked !== stack || !spoils) return { outputs, problem: undefined }
    await lose(outputs)
    return { outputs, problem: 'it has lost what was there' }
  }
  try {
    await upgraded(stack, upgrade, {
      target: { besideData } as TargetCommands,
      steps,
      outputs: async () => outputs,
      deploy,
    })
    return { upgraded: true }
  } catch (error) {
    if (error instanceof Failure && error.kind === 'refused' && spoils) return { upgraded: false }
    throw error
  }
}

/** Deletes all collections of all databases that creators are in, as a server that damages its data. */
async function lose(outputs: Outputs): Promise<void> {
  const deployment: ConnectedDeployment = await openDeployment(outputs)
  try {
    const { shards } = await deployment.knowledge().generations.newest()
    for (const server of deployment.chroma) {
      for (const { name } of await server.collections(shards.database)) {
        await server.deleteCollection(shards.database, name)
      }
    }
  } finally {
    await deployment.close()
  }
}

/** Where a stack of the test has its file. */
export const stackFileIn = (home: string): string => join(home, 'stack.yaml')
