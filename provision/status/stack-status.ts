import { stat } from 'node:fs/promises'
import type { ServerHealth } from '../../checks/api/health/health-report.ts'
import { openDeployment } from '../../checks/connected-deployment.ts'
import type { BackupRecords } from '../../checks/store/backup-records.ts'
import type { VerificationRecord } from '../../checks/store/verification-record.ts'
import { reasonOf } from '../../infra/failure.ts'
import type { StackFile } from '../../infra/settings/settings-file.ts'
import { type Bytes, type Millis, seconds } from '../../infra/units.ts'
import type { CommandContext } from '../commands/command.ts'
import { findDeployed } from '../deployed.ts'
import { planHere } from '../plan/deploy-decision.ts'
import { deployedSettings } from '../pulumi/deployed-settings.ts'
import type { ServerStatus, TargetCommands } from '../targets/target.ts'
import { commandsFor } from '../targets/targets.ts'
import { readUpgrade } from '../upgrade/upgrade-record.ts'
import type { StackStatus } from './status-text.ts'
import { whatAnswers } from './what-answers.ts'

/** What of a stack runs and answers, seen where it runs and not in the state. */
export async function stackStatus(stack: StackFile, context: CommandContext): Promise<StackStatus> {
  const { settings } = stack
  const { home } = settings
  const target = await commandsFor(settings)
  const processes = await target.status(settings)
  const hasFolder = await stat(home).then(
    () => true,
    () => false,
  )
  const isRunning = processes.some(({ running }) => running)
  const seen = isRunning ? await lookInside(stack, context) : {}
  return {
    stack: settings.stack,
    target: settings.target,
    home,
    hasFolder,
    wasDeployed: (await deployedSettings(settings)) !== undefined,
    state: stateOf(processes, seen.servers ?? []),
    processes,
    servers: seen.servers ?? [],
    memory: isRunning ? await memoryOf(stack, target) : undefined,
    verification: seen.verification ?? null,
    backup: seen.backup ?? null,
    ...(seen.recordsUnknown !== undefined && { recordsUnknown: seen.recordsUnknown }),
    upgrade: (await readUpgrade(settings)) ?? null,
  }
}

const READ_WITHIN: Millis = seconds(10)

interface Seen {
  servers?: ServerHealth[]
  backup?: Awaited<ReturnType<BackupRecords['last']>>
  verification?: Awaited<ReturnType<VerificationRecord['last']>>
  /** Why neither of them is known. */
  recordsUnknown?: string
}

/** What the deployment says of itself; nothing where it is not one yet. */
async function lookInside(stack: StackFile, { steps, signal }: CommandContext): Promise<Seen> {
  try {
    const deployed = await findDeployed(stack, steps)
    if (deployed === undefined)
      return { recordsUnknown: 'not known: nothing is recorded as deployed' }
    const deployment = await openDeployment(deployed.outputs)
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(READ_WITHIN)])
      const { backups, verification } = deployment.knowledge()
      const recorded = Promise.all([backups.last(within), verification.last(within)])
      const [servers, records] = await Promise.all([
        whatAnswers(deployment),
        recorded.then(
          ([backup, verification]) => ({ backup, verification }),
          error => ({ recordsUnknown: `not known: ${reasonOf(error)}` }),
        ),
      ])
      return { servers, ...records }
    } finally {
      await deployment.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    return { recordsUnknown: `not known: ${reasonOf(error)}` }
  }
}

/** Of the host, where the target tells what the stack's processes hold there. */
async function memoryOf(
  { settings }: StackFile,
  target: TargetCommands,
): Promise<{ used?: Bytes; planned?: Bytes }> {
  try {
    const found = await target.inventory(settings)
    const used = Object.values(found.usage).reduce((sum, { memory }) => sum + memory, 0)
    const plan = await planHere(settings, 'here', found).catch(() => undefined)
    const planned = plan?.workloads.reduce((sum, { limits }) => sum + limits.memory, 0)
    return { ...(used > 0 && { used }), ...(planned && { planned }) }
  } catch {
    return {}
  }
}

/** `up`: all that belongs to it runs and is well; `down`: nothing runs. */
function stateOf(
  processes: readonly ServerStatus[],
  servers: readonly ServerHealth[],
): 'up' | 'degraded' | 'down' {
  const running = processes.filter(({ running }) => running).length
  if (running === 0) return 'down'
  const isWell = running === processes.length && servers.every(({ healthy }) => healthy)
  return isWell ? 'up' : 'degraded'
}
