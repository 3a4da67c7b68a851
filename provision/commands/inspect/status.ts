import { EXIT_CODES } from '../../../infra/failure.ts'
import { openStackFile } from '../../read-models.ts'
import { stackStatus } from '../../status/stack-status.ts'
import { describeStatus } from '../../status/status-text.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'

/** What of a stack runs and how it is. */
export const status: CommandSpec<StackOptions> = {
  name: 'status',
  description: 'show what runs and how it is; exit code 3 when something is down',
  options: STACK_FLAGS,
  async run(options, context) {
    const stack = await openStackFile(options.stack, options.configFile)
    const found = await stackStatus(stack, context)
    return {
      text: describeStatus(found, stack.settings),
      document: found,
      exitCode: found.state === 'up' ? 0 : EXIT_CODES.unavailable,
    }
  },
}
