import { rm } from 'node:fs/promises'
import { placesOf } from '../../infra/local/places.ts'
import { readStackFile } from '../../infra/settings-file.ts'
import { Engine } from '../engine/engine.ts'
import { readRecord, removeRecord } from '../processes/record.ts'
import { stopProcess } from '../processes/stop.ts'
import { withStackLock } from '../stack-lock.ts'
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
    const outcome = await withStackLock(settings, `down of stack ${settings.stack}`, async () => {
      const { pulumi } = await obtainToolchain(options, steps, ['pulumi'])
      const engine = await Engine.open(stack, pulumi)
      const { changes } = await steps.run('pulumi destroy', task => engine.run('destroy', task))
      // What a killed update left behind is in the records and not in the state.
      for (const { record } of placesOf(settings)) {
        const running = await readRecord(record)
        if (running !== undefined) await stopProcess(running)
        await removeRecord(record)
      }
      if (options.purge)
        await steps.run('purge', () => rm(settings.home, { recursive: true, force: true }))
      return { removed: changes.delete ?? 0 }
    })
    const kept = options.purge
      ? `${settings.home} is deleted`
      : `data and models stay in ${settings.home}`
    return {
      text: `Stack ${settings.stack}: ${outcome.removed === 0 ? 'nothing was deployed' : 'down'}; ${kept}`,
      document: {
        stack: settings.stack,
        ...outcome,
        purged: options.purge === true,
        home: settings.home,
      },
    }
  },
}
