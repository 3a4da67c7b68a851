import { demandOf } from '../../infra/capacity/demand.ts'
import type { Node } from '../../infra/capacity/hardware/hardware.ts'
import type { StackDemand } from '../../infra/capacity/stack.ts'
import { planStack, type StackPlan } from '../../infra/capacity/stack-plan.ts'
import { describeVerdict, requireFit } from '../../infra/capacity/verdict/verdict.ts'
import { requireCertificates } from '../../infra/egress/egress-settings.ts'
import { reasonOf } from '../../infra/failure.ts'
import { asDeployed, type Layout, layoutToDeploy } from '../../infra/ownership/data-layout.ts'
import type { ClaimSizes } from '../../infra/servers/target-component.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { warningsOf } from '../../infra/settings/settings-warnings.ts'
import { recordedLayout } from '../ownership/recorded-layout.ts'
import type { Steps } from '../steps/steps.ts'
import type { HardwareInventory } from '../targets/target.ts'
import { commandsFor } from '../targets/targets.ts'
import { architecturesOf, type FigureSources } from './architectures.ts'

/**
 * The plan of a stack where its settings say that it runs: on this machine, or on the nodes of its cluster. What
 * the stack itself holds there already counts as free.
 * @param found what is there, by who has looked already
 */
export async function planHere(
  settings: Settings,
  from: FigureSources = 'here',
  found?: HardwareInventory,
): Promise<StackPlan> {
  const { nodes, usage } = found ?? (await (await commandsFor(settings)).inventory(settings))
  return planStack(await demandNow(settings, from), nodes, usage)
}

/** The plan of a stack on machines that are described, none of which holds anything of it. */
export async function planOn(
  settings: Settings,
  nodes: readonly Node[],
  from: FigureSources,
): Promise<StackPlan> {
  return planStack(await demandNow(settings, from), nodes)
}

const demandNow = async (settings: Settings, from: FigureSources): Promise<StackDemand> =>
  demandOf(settings, await architecturesOf(settings, from))

/** What the plan says of a deployment: the verdict, or the warning that goes with deploying all the same. */
export interface DeployDecision extends PlanDecision {
  /** How the data is laid out, or will be. */
  layout: Layout
}

/** The same without what only data that is there can tell. */
interface PlanDecision {
  /** Absent when none could be made, and the stack says to deploy all the same. */
  plan?: StackPlan
  /** For claims of a cluster that are there: see TargetComponentArgs. */
  claimSizes?: ClaimSizes
  verdict: string
  warning?: string
}

/**
 * Looks at where a stack is to be deployed, plans it, and refuses one that cannot be there. `npm run up` asks before it
 * brings tools in, which may take minutes, and the program again before it makes anything: what is free may have changed
 * since, and a plain `pulumi up` has only the program. It takes 24 ms of the 2.8 s of an update that changes nothing.
 * @throws Failure as requireCertificates, preflight, layoutToDeploy and decideByPlan do
 */
export async function gateOnPlan(asked: Settings): Promise<DeployDecision> {
  requireCertificates(asked.egress)
  const target = await commandsFor(asked)
  await target.preflight(asked)
  const known = [await recordedLayout(asked), await target.dataLayout(asked)]
  const { layout, pending } = layoutToDeploy(asked, known)
  const settings = asDeployed(asked, layout)
  const decision = await decideByPlan(settings)
  const { plan } = decision
  const notHeld = plan && (await target.requirePlanned?.(plan))
  const sized = plan && (await target.sizeClaims?.(settings, plan))
  const warnings = [
    decision.warning,
    pending,
    notHeld,
    ...(sized?.warnings ?? []),
    ...warningsOf(settings),
  ].filter(text => text !== undefined)
  return {
    ...decision,
    layout,
    ...(sized && { claimSizes: sized.claimSizes }),
    ...(warnings.length > 0 && { warning: warnings.join('\n') }),
  }
}

/** The same as the first step of a command: nothing is pulled or started for a stack that cannot fit. */
export async function planStep(settings: Settings, steps: Steps): Promise<DeployDecision> {
  const decision = await steps.run(
    'plan',
    () => gateOnPlan(settings),
    ({ verdict }) => verdict,
  )
  if (decision.warning !== undefined) steps.note(decision.warning)
  return decision
}

/**
 * Plans a stack and refuses one that cannot fit, or cannot be planned, unless it says `deployUnfit`.
 * @throws Failure with the numbers and what would fit instead
 */
export async function decideByPlan(settings: Settings): Promise<PlanDecision> {
  const plan = await planHere(settings).catch(error => {
    if (!settings.deployUnfit) throw error
    return reasonOf(error)
  })
  if (typeof plan === 'string') return overridden(plan)
  const verdict = describeVerdict(plan)
  if (!settings.deployUnfit) requireFit(plan)
  return { plan, ...(settings.deployUnfit ? overridden(verdict) : { verdict }) }
}

const overridden = (verdict: string) => ({
  verdict,
  warning: `WARNING: deployUnfit is set: this is deployed whatever the plan says. ${verdict}`,
})
