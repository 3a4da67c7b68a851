import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { modelArgs } from '../../infra/servers/model-args.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Outcome } from '../commands/command.ts'
import { lockFromArgs } from '../models/provision-model.ts'
import { claimHome } from '../ownership/home-owner.ts'
import type { Task } from '../progress.ts'
import type { Steps } from '../steps/steps.ts'
import { withTemporaryOllama } from './temporary-ollama.ts'

/**
 * Locks the models of a stack that is not deployed yet, by an Ollama of its version that runs for as long as that takes.
 * What came is there for a local stack's `up`; for others, whose models lie elsewhere, it has a folder that is removed
 * again.
 */
export async function lockBeforeDeployment(settings: Settings, steps: Steps): Promise<Outcome> {
  const { stack, ollama, home, target } = settings
  await claimHome(settings)
  const { models, state } = localPaths(home)
  const modelsFolder = target === 'local' ? models : join(state, 'models-to-lock')
  const lockAll = (task: Task) => async (url: string) => {
    const pool = { pool: 'temporary', reach: { kind: 'direct' as const, url }, modelsFolder }
    const sources: [name: string, source: string][] = []
    for (const model of settings.models) {
      const source = await lockFromArgs(modelArgs(model, settings, pool), task)
      sources.push([model.definition.name, source])
    }
    return sources
  }
  const locked = await steps
    .run(
      'lock',
      task => withTemporaryOllama(settings, ollama.version, task, lockAll(task), modelsFolder),
      found => `${found.length} models, by Ollama ${ollama.version}`,
    )
    .finally(() => target !== 'local' && rm(modelsFolder, { recursive: true, force: true }))
  return {
    text: locked.map(([name, source]) => `  ${name.padEnd(28)} ${source}`).join('\n'),
    document: { stack, ollama: ollama.version, locked: Object.fromEntries(locked) },
  }
}
