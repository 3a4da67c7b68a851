import { readStackFile } from '../../infra/settings-file.ts'
import { planHere } from '../plan/plan.ts'
import { renderTable } from '../plan/table.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from './command.ts'

/** What the models and the data need, against the hardware found. */
export const plan: CommandSpec<StackOptions> = {
  name: 'plan',
  description: 'what the models and the data need, against what this machine has',
  options: STACK_FLAGS,
  async run(options) {
    const { settings } = await readStackFile(options.stack, options.configFile)
    const planned = await planHere(settings)
    return {
      text: renderTable(planned),
      document: planned,
      exitCode: planned.verdict === 'never fits' ? 1 : 0,
    }
  },
}
