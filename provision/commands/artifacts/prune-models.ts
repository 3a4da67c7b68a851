import { connect } from '../../../checks/transport/connect.ts'
import type { Endpoint, Outputs } from '../../../infra/outputs.ts'
import { servedName } from '../../../infra/settings/model-definition.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { formatBytes } from '../../../infra/units.ts'
import { confirm } from '../../confirm.ts'
import { OllamaStore } from '../../models/ollama-store.ts'
import { findUnused, type Unused } from '../../models/unused-models.ts'
import type { Steps } from '../../steps/steps.ts'
import type { Outcome } from '../command.ts'

/**
 * Deletes the models that the stack put into its Ollamas and asks for no more, after somebody has said so.
 * @param token of the provisioner
 * @throws Failure `misused` when nobody says yes
 */
export async function pruneModels(
  settings: Settings,
  outputs: Outputs,
  token: string | undefined,
  { isConfirmed, steps, signal }: { isConfirmed: boolean; steps: Steps; signal: AbortSignal },
): Promise<Outcome> {
  const { stack } = settings
  const toBe = settings.models.map(({ definition: { name }, contextLength }) => ({
    name,
    serves: servedName(name, contextLength),
  }))
  const wanted = [...outputs.models, ...toBe]
  const stores: OpenStore[] = []
  try {
    await openStores(stores, settings, outputs, token, signal)
    const look = async ({ store }: OpenStore) => ({
      store,
      ...findUnused(await store.list(), wanted),
    })
    const found = await steps.run('models', () => Promise.all(stores.map(look)), describeFound)
    const names = [...new Set(found.flatMap(({ unused }) => unused.map(({ name }) => name)))]
    const foreign = [...new Set(found.flatMap(part => part.foreign))]
    const freed = found.reduce((sum, part) => sum + part.freed, 0)
    const left = foreign.length === 0 ? [] : [`not the stack's, and left: ${foreign.join(', ')}`]
    if (names.length > 0 && !isConfirmed) {
      const loss = `${names.join(', ')} of stack ${stack}, ${formatBytes(freed)}`
      const mend = `npm run models -- --stack ${stack} --prune --yes`
      const statement = `A prune would delete ${loss}`
      await confirm({ stack, statement, warning: `This deletes ${loss}`, mend }, signal)
    }
    if (names.length > 0) {
      const prune = async () => {
        for (const { store, unused } of found) {
          for (const { name } of unused) await store.delete(name)
        }
      }
      await steps.run('prune', prune, () => `${formatBytes(freed)} are free again`)
    }
    const done = names.length === 0 ? 'every model is used' : `deleted ${names.join(', ')}`
    return {
      text: [`Stack ${stack}: ${done}`, ...left].join('; '),
      document: { stack, pruned: names, freedBytes: freed, left: foreign },
    }
  } finally {
    for (const { store, close } of stores) {
      await store.close()
      await close()
    }
  }
}

interface OpenStore {
  store: OllamaStore
  close(): Promise<void>
}

/**
 * Each Ollama of the stack: on a cluster every pod has models of its own.
 * @param stores takes each as it is opened, to be closed whatever becomes of the next
 */
async function openStores(
  stores: OpenStore[],
  settings: Settings,
  { ollama }: Outputs,
  token: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const { reach, modelsFolder } of ollama) {
    const ways = reach.kind === 'direct' ? [reach] : await waysToPods(settings, reach)
    for (const way of ways) {
      const { url, close } = await connect(way)
      const address = { url, modelsFolder, ...(token !== undefined && { token }) }
      stores.push({ store: new OllamaStore(address, signal), close })
    }
  }
}

/** The cluster's client is loaded only where there is one. */
async function waysToPods(
  settings: Settings,
  reach: Extract<Endpoint, { kind: 'port-forward' }>,
): Promise<Endpoint[]> {
  const { endpointsOfPods } = await import('../../cluster/pods.ts')
  return endpointsOfPods(settings, reach)
}

function describeFound(found: readonly Unused[]): string {
  const count = found.reduce((sum, { unused }) => sum + unused.length, 0)
  return count === 0 ? 'none is unused' : `${count} that no stack asks for`
}
