import type { ModelArgs } from '../../../infra/resources.ts'
import { formatBytes } from '../../../infra/units.ts'
import { claimHome } from '../../ownership/home-owner.ts'
import { planStep } from '../../plan/deploy-decision.ts'
import { type EngineResult, PulumiEngine } from '../../pulumi/pulumi-engine.ts'
import { openStackFile } from '../../read-models.ts'
import { withStackLock } from '../../stack-lock.ts'
import {
  obtainToolchain,
  TOOLCHAIN_FLAGS,
  type ToolchainFlags,
} from '../../steps/toolchain-step.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'

/** What `up` would change. */
export const preview: CommandSpec<StackOptions & ToolchainFlags> = {
  name: 'preview',
  description: 'show what up would change',
  options: [...STACK_FLAGS, ...TOOLCHAIN_FLAGS],
  async run(options, { steps }) {
    const stack = await openStackFile(options.stack, options.configFile)
    return withStackLock(stack.settings, `preview of stack ${options.stack}`, async () => {
      await claimHome(stack.settings)
      await planStep(stack.settings, steps)
      const { pulumi } = await obtainToolchain(options, steps, ['pulumi'])
      const engine = await PulumiEngine.open(stack, pulumi)
      const { changes, steps: planned } = await steps.run('pulumi preview', task =>
        engine.run('preview', task),
      )
      const text = planned.length === 0 ? 'Nothing to change' : planned.map(describe).join('\n')
      return {
        text,
        document: {
          stack: options.stack,
          changes,
          steps: planned.map(({ op, name }) => ({ op, name })),
        },
      }
    })
  },
}

function describe({ op, name, inputs }: EngineResult['steps'][number]): string {
  const { definition } = inputs as Partial<ModelArgs>
  const size =
    definition === undefined || op !== 'create'
      ? ''
      : `, to be pulled: ${formatBytes(definition.sizeBytes)}`
  return `  ${op.padEnd(8)} ${name}${size}`
}
