import { z } from 'zod'
import { PROJECT_VERSION } from '../project.ts'
import type { BackupSettings } from '../settings/backup-settings.ts'
import type { Settings } from '../settings/parse-settings.ts'

/** What a backup inside of the deployment is told: the settings of a stack that concern it. */
export const BackupRequest = z.object({
  stack: z.string(),
  /** What runs, by its name. */
  versions: z.record(z.string(), z.string()),
  to: z.string(),
  /** Public keys of age that it is encrypted for; in the clear where there are none. */
  recipients: z.array(z.string()),
  /** Records a second at most. */
  rate: z.number().optional(),
  /** As many of all creators stay in the place; all of them when absent. */
  keep: z.number().optional(),
  endpoint: z.string().optional(),
})
export type BackupRequest = z.infer<typeof BackupRequest>

export function backupRequest(
  settings: Settings,
  { to, recipients, rate, keep, endpoint }: BackupSettings,
): BackupRequest {
  return {
    stack: settings.stack,
    versions: versionsOf(settings),
    to,
    recipients,
    rate,
    keep,
    endpoint,
  }
}

/** What runs, by its name, as an archive tells it. */
export const versionsOf = ({
  target,
  images,
  chroma,
  ollama,
}: Settings): BackupRequest['versions'] => ({
  'knowledge-stack': PROJECT_VERSION,
  chroma: target === 'local' ? chroma.version : images.chroma,
  ollama: ollama.version,
})
