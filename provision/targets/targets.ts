import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Target } from '../../infra/settings/settings-schema.ts'
import type { TargetCommands } from './target.ts'

const TARGETS: Record<Target, () => Promise<TargetCommands>> = {
  local: async () => (await import('./local-target.ts')).local,
  docker: async () => (await import('./docker-target.ts')).docker,
  kubernetes: async () => (await import('./kubernetes-target.ts')).kubernetes,
}

/** What the commands do for the target of these settings alone. */
export const commandsFor = ({ target }: Settings): Promise<TargetCommands> => TARGETS[target]()
