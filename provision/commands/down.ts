import { readStackFile } from '../../infra/settings-file.ts'
import { Engine } from '../engine/engine.ts'
import { useReserve } from '../reserve.ts'
import { withStackLock } from '../stack-lock.ts'
import { commandsFor } from '../targets/targets.ts'
import { obtainToolchain, TOOLCHAIN_FLAGS, type ToolchainFlags } from '../toolchain-step.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from './command.ts'

interface DownOptions extends StackOptions, ToolchainFlags {
  purge?: boolean
}

/** Ends what runs. Data and models stay, unless they are to be purged. */
export const down: CommandSpec<DownOptions> = {
  name: 'down',
  description: 'stop and remove what runs; data and models stay',
  options: [
    ...STACK_FLAGS,
    ...TOOLCHAIN_FLAGS,
    {
      flags: '--purge',
      description: "delete the stack's folder too: data, models, logs and state",
    },
  ],
  async run(options, { steps }) {
    const stack = await readStackFile(options.stack, options.configFile)
    const { settings } = stack
    await useReserve(settings)
    const { removed, kept } = await withStackLock(
      settings,
      `down of stack ${settings.stack}`,
      async () => {
        const { pulumi } = await obtainToolchain(options, steps, ['pulumi'])
        const engine = await Engine.open(stack, pulumi)
        const { changes } = await steps.run('pulumi destroy', task => engine.run('destroy', task))
        const target = await commandsFor(settings)
        await target.sweep(settings)
        const kept = options.purge
          ? await steps.run('purge', () => target.purge(settings))
          : target.kept(settings)
        return { removed: changes.delete ?? 0, kept }
      },
    )
    return {
      text: `Stack ${settings.stack}: ${removed === 0 ? 'nothing was deployed' : 'down'}; ${kept}`,
      document: {
        stack: settings.stack,
        removed,
        purged: options.purge === true,
        home: settings.home,
      },
    }
  },
}
