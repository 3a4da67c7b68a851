import { namesIn } from '../../../infra/ownership/known-resources.ts'
import type { StackFile } from '../../../infra/settings/settings-file.ts'
import { confirmPurge } from '../../ownership/confirm-purge.ts'
import { purgeHome } from '../../ownership/home-contents.ts'
import { isClaimed } from '../../ownership/home-owner.ts'
import { useReserve } from '../../ownership/room-for-down.ts'
import { chooseBackend } from '../../pulumi/backend.ts'
import { PulumiEngine } from '../../pulumi/pulumi-engine.ts'
import { openStackFile } from '../../read-models.ts'
import { withStackLock } from '../../stack-lock.ts'
import type { Steps } from '../../steps/steps.ts'
import {
  obtainToolchain,
  TOOLCHAIN_FLAGS,
  type ToolchainFlags,
} from '../../steps/toolchain-step.ts'
import { commandsFor } from '../../targets/targets.ts'
import { requireNoUpgrade } from '../../upgrade/upgrade-record.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'

interface DownOptions extends StackOptions, ToolchainFlags {
  purge?: boolean
  yes?: boolean
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
      description: 'delete what the stack made too: data, models, logs and state',
    },
    { flags: '--yes', description: 'purge without a question' },
  ],
  async run(options, { steps, signal }) {
    const stack = await openStackFile(options.stack, options.configFile)
    const { stack: name, home } = stack.settings
    const { removed, left } = (await isDeployedFrom(stack))
      ? await takeDown(stack, options, steps, signal)
      : NOTHING
    return {
      text: [`Stack ${name}: ${removed === 0 ? 'nothing was deployed' : 'down'}`, ...left].join(
        '; ',
      ),
      document: { stack: name, removed, purged: options.purge === true, home },
    }
  },
}

/** What came of it: how many resources are gone, and what stays, for people. */
interface Removed {
  removed: number
  left: string[]
}

const NOTHING: Removed = { removed: 0, left: [] }

/** Where the state would lie in the home folder, and the folder is nobody's, there is none: nothing is made to look. */
async function isDeployedFrom({ settings }: StackFile): Promise<boolean> {
  return (await isClaimed(settings)) || !(await chooseBackend(settings, process.env)).own
}

async function takeDown(stack: StackFile, options: DownOptions, steps: Steps, signal: AbortSignal) {
  const { settings } = stack
  const target = await commandsFor(settings)
  await useReserve(settings)
  return withStackLock(settings, `down of stack ${settings.stack}`, async home => {
    // Where its servers are gone nothing could be put back.
    if (!options.purge) await requireNoUpgrade(settings)
    const { pulumi } = await obtainToolchain(options, steps, ['pulumi'])
    const engine = await PulumiEngine.open(stack, pulumi)
    const state = await steps.run('state', task => engine.state(task))
    const known = namesIn(state)
    // The home folder may be on another machine than the one that deployed.
    const owner = {
      ...home,
      id: home.id ?? state.owner,
      adopted: [...new Set([...home.adopted, ...known])],
    }
    if (options.purge && !options.yes) {
      await confirmPurge(settings, await target.purgeable(settings, owner), signal)
    }
    // `destroy` does not get past what it does not know of: a network that a killed create has left a container on.
    await target.sweep(settings, owner, name => known.has(name))
    const { changes } = await steps.run('pulumi destroy', task => engine.run('destroy', task))
    await steps.run(
      'what is left',
      () => target.sweep(settings, owner),
      () => 'nothing runs',
    )
    const removed = changes.delete ?? 0
    if (!options.purge) return { removed, left: [target.kept(settings)] }
    const others = await steps.run('purge', async () => {
      const used = await target.purge(settings, owner)
      return [...used, ...(await purgeHome(settings))]
    })
    const left =
      others.length === 0 ? [] : [`not the stack's alone, and left: ${others.join(', ')}`]
    return { removed, left: ['data and models are deleted', ...left] }
  })
}
