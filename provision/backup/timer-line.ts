import { dirname } from 'node:path'
import { Failure } from '../../infra/failure.ts'
import { PROJECT, PROJECT_ROOT } from '../../infra/project.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { StackOptions } from '../commands/command.ts'
import { quoted } from '../npm/right-line.ts'

/**
 * The line of a crontab that takes the backups of a stack as its settings say. A cron that knows nothing of this shell is
 * told where npm is.
 * @throws Failure `misused` where they say no time, or a cluster takes them itself
 */
export function timerLine(
  { stack, target, backup }: Settings,
  { configFile }: StackOptions,
  env: NodeJS.ProcessEnv = process.env,
): string {
  if (target === 'kubernetes') {
    throw new Failure('misused', `Stack ${stack} runs on a cluster, which needs no timer`, {
      mend: `set ${PROJECT}:backup with a schedule, and its CronJob takes them: npm run up -- --stack ${stack}`,
    })
  }
  if (backup?.schedule === undefined) {
    throw new Failure('misused', `${PROJECT}:backup has no schedule`, {
      mend: `edit Pulumi.${stack}.yaml, to say where and when: ${PROJECT}:backup: {to: /backups, schedule: "0 3 * * *", keep: 14}`,
    })
  }
  const node = dirname(env.npm_node_execpath ?? process.execPath)
  const file = configFile === undefined ? '' : ` --config-file ${quoted(configFile)}`
  const command = `cd ${quoted(PROJECT_ROOT)} && PATH=${quoted(node)}:/usr/local/bin:/usr/bin:/bin npm run -s backup -- --stack ${quoted(stack)}${file}`
  // To cron, what is behind a % is the command's input.
  return `${backup.schedule} ${command.replaceAll('%', '\\%')}`
}
