import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Steps } from '../steps/steps.ts'
import { type DeployDecision, gateOnPlan } from './deploy-decision.ts'

/** The first step of what deploys: nothing is pulled or started for a stack that cannot fit. */
export async function planStep(settings: Settings, steps: Steps): Promise<DeployDecision> {
  const decision = await steps.run(
    'plan',
    () => gateOnPlan(settings),
    ({ verdict }) => verdict,
  )
  if (decision.warning !== undefined) steps.note(decision.warning)
  return decision
}
