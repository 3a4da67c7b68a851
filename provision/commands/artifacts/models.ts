import { connect } from '../../../checks/transport/connect.ts'
import type { OllamaPool, Outputs } from '../../../infra/outputs.ts'
import type { ModelArgs } from '../../../infra/resources.ts'
import { modelArgs } from '../../../infra/servers/model-args.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { deployedFrom, findDeployed } from '../../deployed.ts'
import { describeComparison } from '../../engine-switch/compare-embeddings.ts'
import { lockBeforeDeployment } from '../../engine-switch/lock-before-deployment.ts'
import { describeLoaded, loadAsPlanned } from '../../models/load-as-planned.ts'
import {
  describeProvisioned,
  lockFromArgs,
  type ProvisionedModel,
  provisionFromArgs,
} from '../../models/provision-model.ts'
import { tightenHome } from '../../ownership/tighten-home.ts'
import { openStackFile } from '../../read-models.ts'
import { withStackLock } from '../../stack-lock.ts'
import type { Steps } from '../../steps/steps.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'
import { pruneModels } from './prune-models.ts'

interface ModelsOptions extends StackOptions {
  writeLock?: boolean
  lock?: boolean
  compare?: string
  prune?: boolean
  yes?: boolean
}

/**
 * Pulls the models of a deployed stack, verifies what is there, and loads anew what requests have loaded otherwise
 * than planned.
 */
export const models: CommandSpec<ModelsOptions> = {
  name: 'models',
  description: 'pull the models, verify what is there and load anew what is loaded otherwise',
  options: [
    ...STACK_FLAGS,
    {
      flags: '--write-lock',
      description: 'write what is seen into infra/models.lock.json, in place of what it says',
    },
    // Without `--` before it npm takes it for one of its own and drops it: hence the longer name.
    { flags: '--lock', description: 'the same', hidden: true },
    {
      flags: '--compare <url>',
      description:
        "compare the embeddings with those of another Ollama, before the stack gets that one's version",
    },
    {
      flags: '--prune',
      description: 'delete the models that the stack put there and asks for no more, and pull none',
    },
    { flags: '--yes', description: 'prune without a question' },
  ],
  async run(options, { steps, signal }) {
    const stack = await openStackFile(options.stack, options.configFile)
    const { settings } = stack
    const lock = options.writeLock === true || options.lock === true
    return withStackLock(settings, `models of stack ${settings.stack}`, async () => {
      const deployed = await findDeployed(stack, steps)
      if (deployed === undefined && lock) return lockBeforeDeployment(settings, steps)
      const { outputs, token } = deployed ?? (await deployedFrom(stack, steps))
      if (options.prune === true) {
        const how = { isConfirmed: options.yes === true, steps, signal }
        return pruneModels(settings, outputs, token, how)
      }
      if (options.compare !== undefined) return compare(settings, outputs, options.compare, steps)
      const provisioned: ProvisionedModel[] = []
      for (const model of settings.models) {
        const pool = poolOf(outputs, model.definition.name)
        const way = await connect(pool.reach)
        const here = { ...pool, reach: { kind: 'direct' as const, url: way.url } }
        try {
          const args = modelArgs(model, settings, here, token)
          provisioned.push(await provision(args, lock, steps))
        } finally {
          await way.close()
        }
      }
      await tightenHome(settings)
      const loadedAnew = await steps.run(
        'memory',
        task => loadAsPlanned(outputs, task),
        describeLoaded,
      )
      return {
        text: provisioned
          .map(({ serves, digest }) => `  ${serves.padEnd(28)} ${digest}`)
          .join('\n'),
        document: { stack: settings.stack, models: provisioned, loadedAnew },
      }
    })
  },
}

async function compare(settings: Settings, outputs: Outputs, url: string, steps: Steps) {
  const { compareWith } = await import('../../engine-switch/compare-with.ts')
  const found = await steps.run('embeddings', task => compareWith(settings, outputs, url, task))
  const { stack } = settings
  return {
    text: `Stack ${stack}: ${describeComparison(found)}\n  → npm run up -- --stack ${stack}`,
    document: { stack, comparison: found },
  }
}

/** Where a model was deployed; the first pool for one that is new in the settings. */
function poolOf({ models, ollama }: Outputs, name: string): OllamaPool {
  const deployed = models.find(model => model.name === name)
  return ollama.find(({ pool }) => pool === deployed?.pool) ?? ollama[0]
}

async function provision(args: ModelArgs, lock: boolean, steps: Steps): Promise<ProvisionedModel> {
  const { name } = args.definition
  if (lock) {
    await steps.run(
      `lock ${name}`,
      task => lockFromArgs(args, task),
      source => `as it comes from ${source}`,
    )
  }
  return steps.run(name, task => provisionFromArgs(args, task), describeProvisioned)
}
