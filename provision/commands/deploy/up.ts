import { describeReport, exitCode, Report } from '../../../checks/report.ts'
import type { StackPlan } from '../../../infra/capacity/stack-plan.ts'
import { Outputs } from '../../../infra/outputs.ts'
import type { StackFile } from '../../../infra/settings/settings-file.ts'
import { findDeployed } from '../../deployed.ts'
import { compareStep } from '../../engine-switch/compare-step.ts'
import { describeLoaded, loadBeforeChecks } from '../../models/load-as-planned.ts'
import { claimHome } from '../../ownership/home-owner.ts'
import { keepReserve } from '../../ownership/room-for-down.ts'
import { tightenHome } from '../../ownership/tighten-home.ts'
import { planStep } from '../../plan/deploy-decision.ts'
import { recordSettings } from '../../pulumi/deployed-settings.ts'
import { type EngineResult, PulumiEngine } from '../../pulumi/pulumi-engine.ts'
import { forgetOldUpdates } from '../../pulumi/update-history.ts'
import { openStackFile } from '../../read-models.ts'
import { withStackLock } from '../../stack-lock.ts'
import { recordVerification } from '../../status/record-verification.ts'
import type { Steps } from '../../steps/steps.ts'
import {
  obtainToolchain,
  TOOLCHAIN_FLAGS,
  type Toolchain,
  type ToolchainFlags,
} from '../../steps/toolchain-step.ts'
import { verdictIn, verifyStep } from '../../steps/verify-step.ts'
import type { TargetCommands } from '../../targets/target.ts'
import { commandsFor } from '../../targets/targets.ts'
import { watched } from '../../targets/watched.ts'
import type { ToolName } from '../../toolchain/toolchain.ts'
import { upgraded, upgradeOf } from '../../upgrade/upgrade.ts'
import { type CommandSpec, type Outcome, STACK_FLAGS, type StackOptions } from '../command.ts'
import { summarise } from './up-summary.ts'

/** From whatever is there to a verified deployment: plan, toolchain, `pulumi up` with its models, verification. */
export const up: CommandSpec<StackOptions & ToolchainFlags> = {
  name: 'up',
  description: 'deploy a stack and verify it',
  options: [...STACK_FLAGS, ...TOOLCHAIN_FLAGS],
  async run(options, { steps }) {
    const stack = await openStackFile(options.stack, options.configFile)
    const { settings } = stack
    const purpose = `up of stack ${settings.stack}`
    return withStackLock(
      settings,
      purpose,
      async () => (await bringUp(stack, options, steps)).outcome,
    )
  },
}

/** What `up` does, for commands that deploy what they have changed. Needs the stack's lock. */
export async function bringUp(
  stack: StackFile,
  flags: ToolchainFlags,
  steps: Steps,
): Promise<{ outcome: Outcome; outputs: Outputs }> {
  const { settings } = stack
  await claimHome(settings)
  await tightenHome(settings)
  const target = await commandsFor(settings)
  await target.beforeUp?.(settings)
  await keepReserve(settings)
  const prepared = await prepare(stack, flags, target, steps)
  const upgrade = await upgradeOf(stack)
  if (upgrade === undefined) return deploy(prepared, target, steps)
  return upgraded(stack, upgrade, {
    target,
    steps,
    outputs: async () => (await findDeployed(stack, steps))?.outputs,
    deploy: async other =>
      deploy(
        other === stack ? prepared : await prepare(other, flags, target, steps),
        target,
        steps,
      ),
  })
}

/** A stack's file that can be deployed: it fits, and what is needed for it is there. */
interface Prepared {
  stack: StackFile
  plan: StackPlan | undefined
  toolchain: Toolchain
  engine: PulumiEngine
}

async function prepare(
  stack: StackFile,
  flags: ToolchainFlags,
  target: TargetCommands,
  steps: Steps,
): Promise<Prepared> {
  const { settings } = stack
  const tools: ToolName[] = ['pulumi', ...target.tools]
  steps.expect(['plan', ...tools, 'pulumi up', 'verify'])
  const { plan } = await planStep(settings, steps)
  const toolchain = await obtainToolchain(flags, steps, tools, settings)
  await compareStep(settings, steps)
  const engine = await PulumiEngine.open(stack, toolchain.pulumi)
  return { stack, plan, toolchain, engine }
}

async function deploy(
  { stack, plan, toolchain, engine }: Prepared,
  target: TargetCommands,
  steps: Steps,
): Promise<{ outcome: Outcome; outputs: Outputs; problem: string | undefined }> {
  const { settings } = stack
  const started = new Date()
  const result = await steps.run(
    'pulumi up',
    task => watched(target, settings, task, task => engine.run('up', task)),
    describeChanges,
  )
  await recordSettings(stack)
  if (engine.backend.own) await forgetOldUpdates(settings)
  const outputs = Outputs.parse(result.outputs)
  const fresh = freshReport(result, started)
  const report =
    fresh === undefined
      ? await verifyLoaded(outputs, steps)
      : await steps.run(
          'verify',
          async () => fresh,
          part => `${describeReport(part)}, as part of the update`,
          verdictIn,
        )
  // The one that was part of the update did not know the plan.
  await recordVerification(outputs, report)
  // What servers that an earlier version started have made meanwhile.
  await tightenHome(settings)
  const { backend } = engine
  const deployed = { settings, plan, toolchain, backend, result, outputs, report }
  const outcome = { ...summarise(deployed), exitCode: exitCode(report) }
  return { outcome, outputs, problem: problemIn(report) }
}

/** What requests have loaded otherwise than planned is loaded anew first: the checks may not do it. */
async function verifyLoaded(outputs: Outputs, steps: Steps): Promise<Report> {
  await steps.run('models', task => loadBeforeChecks(outputs, task), describeLoaded)
  return verifyStep(outputs, { readOnly: false, deep: false }, steps)
}

/** The report of a verification that was part of this very update; the state may hold one from an earlier update. */
function freshReport({ outputs }: EngineResult, since: Date): Report | undefined {
  const report = Report.safeParse(outputs.report).data
  return report !== undefined && new Date(report.startedAt) >= since ? report : undefined
}

function describeChanges({ changes }: EngineResult): string {
  const done = Object.entries(changes).filter(([op]) => op !== 'same')
  return done.length === 0
    ? 'nothing to change'
    : done.map(([op, count]) => `${count} ${op}`).join(', ')
}

/** What its checks found that is not as it should be, a line each. */
function problemIn({ checks }: Report): string | undefined {
  const told = checks
    .filter(({ verdict }) => verdict === 'failed' || verdict === 'unchecked')
    .map(({ name, verdict, detail }) => `${name} ${verdict}: ${detail}`)
  return told.length === 0 ? undefined : told.join('\n')
}
