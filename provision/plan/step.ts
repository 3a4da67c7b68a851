import type { Settings } from '../../infra/settings.ts'
import type { Steps } from '../steps.ts'
import { type Leave, leaveToDeploy } from './plan.ts'

/** The first step of what deploys: nothing is brought in or started for a stack that cannot fit. */
export async function planStep(settings: Settings, steps: Steps): Promise<Leave> {
  const leave = await steps.run(
    'plan',
    () => leaveToDeploy(settings),
    ({ verdict }) => verdict,
  )
  if (leave.warning !== undefined) steps.note(leave.warning)
  return leave
}
