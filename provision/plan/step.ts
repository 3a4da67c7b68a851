import { describeVerdict, requireFit, type StackPlan } from '../../infra/capacity/stack-plan.ts'
import type { Settings } from '../../infra/settings.ts'
import type { Steps } from '../steps.ts'
import { planHere } from './plan.ts'

/**
 * The first step of what deploys: nothing is brought in or started for a stack that cannot fit.
 * @throws Failure `refused` with the numbers and what would fit, unless the stack says to deploy all the same
 */
export async function planStep(settings: Settings, steps: Steps): Promise<StackPlan> {
  const plan = await steps.run('plan', () => planHere(settings), describeVerdict)
  if (!settings.deployUnfit) requireFit(plan)
  else if (plan.verdict === 'never fits')
    steps.note('WARNING: deployUnfit is set, so this is deployed although it does not fit')
  return plan
}
