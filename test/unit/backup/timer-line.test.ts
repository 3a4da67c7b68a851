import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { timerLine } from '../../../provision/backup/timer-line.ts'

const ENV = { npm_node_execpath: "/opt/ada's node/bin/node" }
const BACKUP = { to: '/backups', schedule: '0 3 * * *' }

const lineOf = (raw: Record<string, unknown>, configFile?: string) =>
  timerLine(parseSettings('dev', raw, {}), { stack: 'dev', configFile: configFile! }, ENV)

it('a crontab is given one line, which a POSIX shell runs as it is meant', async () => {
  const line = lineOf({ backup: BACKUP }, '/etc/my stacks/100%.yaml')
  expect(line.startsWith('0 3 * * * ')).toBe(true)
  expect(line).toContain('100\\%.yaml')
  // As cron hands it on, with what it starts told in its place.
  const command = line.slice(BACKUP.schedule.length + 1).replaceAll('\\%', '%')
  const told = `npm() { echo "$PWD|$PATH|$*"; }; ${command}`
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', told])
  expect(stdout.trim().split('|')).toEqual([
    PROJECT_ROOT,
    expect.stringMatching(/^\/opt\/ada's node\/bin:/),
    'run -s backup -- --stack dev --config-file /etc/my stacks/100%.yaml',
  ])
})

it.each([
  [{}, 'knowledge-stack:backup has no schedule', 'schedule: "0 3 * * *"'],
  [
    { backup: { to: '/backups' } },
    'knowledge-stack:backup has no schedule',
    'schedule: "0 3 * * *"',
  ],
  [{ target: 'kubernetes' }, 'needs no timer', 'CronJob'],
])('where the settings are %j there is none, and it is said what to do', (raw, message, mend) => {
  expect(() => lineOf(raw)).toThrow(
    expect.objectContaining({
      kind: 'misused',
      message: expect.stringContaining(message),
      mend: expect.stringContaining(mend),
    }),
  )
})
