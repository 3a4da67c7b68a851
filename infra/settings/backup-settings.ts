import { Cron } from 'croner'
import { z } from 'zod'
import { Label, PullRange } from './kubernetes-settings.ts'

/** Archives of a place that are kept at most. */
export const MOST_KEPT = 10_000
/** Records a second at most. */
export const MOST_RATE = 1_000_000

/** The five fields that cron and Kubernetes both take, with names of months and days; or one of their words. */
const FIELD = '(\\*|\\d+|[a-z]{3})(-(\\d+|[a-z]{3}))?(/\\d+)?'
const FIELDS = new RegExp(`^${FIELD}(,${FIELD})*( +${FIELD}(,${FIELD})*){4}$`, 'i')
const WORDS = /^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$/

function isSchedule(text: string): boolean {
  if (WORDS.test(text)) return true
  if (!FIELDS.test(text)) return false
  try {
    new Cron(text, { mode: '5-part', paused: true })
    return true
  } catch {
    return false
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** Where backups of all creators go, and when: the setting `backup`. */
export const Backup = z.strictObject({
  to: z
    .string()
    .regex(
      /^(s3:\/\/[^/\s]+(\/\S*)?|\/.*)?$/,
      'an absolute path of a folder, or s3://BUCKET/PREFIX',
    )
    .default('')
    .describe(
      'Where archives go: `s3://BUCKET/PREFIX`, or the absolute path of a folder of the machine that runs the command, which a cluster has none of',
    ),
  schedule: z
    .string()
    .refine(
      isSchedule,
      'five fields as cron takes them (0 3 * * *), or @hourly, @daily, @weekly, @monthly, @yearly',
    )
    .optional()
    .describe(
      'When, as cron takes it: `0 3 * * *`. On a cluster a CronJob takes them; for a host `npm run backup -- --timer` prints the line of its crontab',
    ),
  timeZone: z
    .string()
    .refine(isTimeZone, 'a time zone such as Europe/Berlin')
    .default('Etc/UTC')
    .describe("Of the CronJob's schedule; a host's crontab goes by the host's"),
  keep: z
    .int()
    .min(1)
    .max(MOST_KEPT)
    .optional()
    .describe('Archives that are kept, of those that this stack has put there; all when absent'),
  recipients: z
    .array(z.string().regex(/^age1[0-9a-z]+$/, 'a public key of age: age1…'))
    .default([])
    .describe('Public keys of age that the files are encrypted for; in the clear when empty'),
  rate: z
    .int()
    .min(1)
    .max(MOST_RATE)
    .optional()
    .describe('Records a second at most, for the sake of those who ask meanwhile'),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'an address such as https://minio.example:9000' })
    .optional()
    .describe('Of S3 storage that is not that of AWS: `https://minio.example:9000`'),
  secret: Label.optional().describe(
    'On a cluster, the Secret of the namespace with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what else the CronJob is to have in its environment',
  ),
  ranges: z
    .array(PullRange)
    .default([])
    .describe(
      'On a cluster, private ranges that the storage is in: `10.0.0.9/32`. Policies let the CronJob out to public addresses, to these, and to an `endpoint` that is an address or a Service of the cluster',
    ),
})
export type BackupSettings = z.infer<typeof Backup>

/** One that a cluster takes by itself. */
export type ScheduledBackup = BackupSettings & { schedule: string; secret: string }

/** The backups that the settings have a cluster take; undefined where they have none taken. */
export function scheduledBackup(backup: BackupSettings | undefined): ScheduledBackup | undefined {
  const { schedule, secret } = backup ?? {}
  if (backup === undefined || schedule === undefined || secret === undefined) return undefined
  return { ...backup, schedule, secret }
}
