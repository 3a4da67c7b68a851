import { ALL } from '../../../checks/all-checks.ts'
import { DEFECTS } from '../../faults/defects.ts'
import { table } from './table.ts'

export const checksTable = (): string =>
  table(
    ['Check', 'What is true when it passes'],
    ALL.map(({ name, proves }) => [`\`${name}\``, proves]),
  )

/** What test/faults makes wrong, and proves to be caught by these very checks. */
export const defectsTable = (): string =>
  table(
    ['Defect', 'What was done to the deployment', 'Caught by'],
    DEFECTS.map(({ defect, done, caughtBy, deep }) => {
      const checks = caughtBy.map(name => `\`${name}\``).join(', ')
      return [defect, done, `${checks}${deep ? ', with `--deep`' : ''}`]
    }),
  )
