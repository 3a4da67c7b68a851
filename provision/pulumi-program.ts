import * as pulumi from '@pulumi/pulumi'
import { markedText } from '../infra/failure.ts'
import { PROJECT } from '../infra/project.ts'
import { startProvider } from '../infra/resources.ts'
import { useEnvironment } from './egress/use-environment.ts'

/** The engine shows a RunError by its message alone, any other with a stack trace. */
const shown = (error: unknown) => {
  throw new pulumi.RunError(markedText(error))
}

await useEnvironment().catch(shown)
startProvider()

const prefix = `${PROJECT}:`
const configured = Object.fromEntries(
  Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value]),
)

// Loaded once the provider is on its way, which starts meanwhile.
const { gateOnPlan } = await import('./plan/deploy-decision.ts')
const { takeOver } = await import('./ownership/take-over.ts')
const { ownerOf } = await import('./ownership/home-owner.ts')
const { previousState } = await import('../infra/ownership/previous-state.ts')
const { engineSwitchOf } = await import('./engine-switch/engine-switch.ts')
const { parseSettings } = await import('../infra/settings/parse-settings.ts')
const { requireUpgradeBegun } = await import('./upgrade/upgrade-record.ts')
const { withModelsRead } = await import('./read-models.ts')
const { deploy } = await import('../infra/program.ts')

/** The engine ends the program itself when it is interrupted. */
const UNWATCHED = { report: () => undefined, signal: new AbortController().signal }

const deployed = await deployStack().catch(shown)

export const { stack, target, chroma, ollama, api, models } = deployed.outputs
export const { report, provisioner, owner } = deployed

async function deployStack() {
  const settings = await withModelsRead(modelsIn =>
    parseSettings(pulumi.getStack(), configured, process.env, undefined, modelsIn),
  )
  return deploy(settings, {
    gateOnPlan,
    takeOver: async settings => {
      const { id, older } = await ownerOf(settings)
      const before = await previousState(id !== undefined || older)
      const dryRun = pulumi.runtime.isDryRun()
      const owner = await takeOver(settings, before, { dryRun })
      if (!dryRun) await requireUpgradeBegun(settings)
      if (!dryRun && (await engineSwitchOf(settings)) !== undefined) {
        const { requireSameEmbeddings } = await import('./engine-switch/require-same-embeddings.ts')
        await requireSameEmbeddings(settings, UNWATCHED)
      }
      return owner
    },
  })
}
