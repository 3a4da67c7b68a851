import type { Effects } from '../../../infra/program.ts'
import { PROJECT } from '../../../infra/project.ts'

/** The id that everything of a program under test carries. */
export const OWNER = '5c2b8f1e-0000-4000-8000-000000000000'

/** What a program is given in place of a machine: a plan, and places that are all its own. */
export const effectsOf = (leaveToDeploy: Effects['gateOnPlan']): Effects => ({
  gateOnPlan: leaveToDeploy,
  takeOver: async ({ stack }) => ({
    project: PROJECT,
    stack,
    id: OWNER,
    older: false,
    adopted: [],
  }),
})
