import type { ServerHealth } from '../../checks/api/health/health-report.ts'
import { type CheckVerdict, signOf, wordOf } from '../../checks/check-verdict.ts'
import { describeReport } from '../../checks/report.ts'
import type { BackupRecords } from '../../checks/store/backup-records.ts'
import type { LastVerification } from '../../checks/store/verification-record.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Bytes, counted, formatBytes, formatDuration } from '../../infra/units.ts'
import type { ServerStatus } from '../targets/target.ts'
import { type BegunUpgrade, describeInterrupted } from '../upgrade/upgrade-record.ts'

/** What is known of a stack. */
export interface StackStatus {
  stack: string
  target: Settings['target']
  home: string
  /** Whether its folder is there, which a preview makes too. */
  hasFolder: boolean
  /** Whether an `up` from this machine came to its end. */
  wasDeployed: boolean
  state: 'up' | 'degraded' | 'down'
  processes: readonly ServerStatus[]
  servers: readonly ServerHealth[]
  /** Of the host. */
  memory: { used?: Bytes; planned?: Bytes } | undefined
  verification: LastVerification | null
  backup: Awaited<ReturnType<BackupRecords['last']>> | null
  /** Why neither of them can be told, where that is so. */
  recordsUnknown?: string
  upgrade: BegunUpgrade | null
}

/** For people: a line for each server that runs, each that answers, and what was last done with the stack. */
export function describeStatus(found: StackStatus, settings: Settings): string {
  const { stack, target, home, state, processes, servers, memory, upgrade } = found
  if (!found.wasDeployed && state === 'down') {
    return `Stack ${stack} (${target}) is not deployed\n  → npm run up`
  }
  const lines: Line[] = [
    ...processes.map(describeProcess),
    ...servers.map(describeServer),
    ...(memory === undefined ? [] : [describeMemory(memory)]),
    ...(state === 'down' ? [] : [describeVerification(found), describeBackup(found)]),
    ...(upgrade === null ? [] : [['failed', describeInterrupted(upgrade, settings)] as Line]),
  ]
  return [
    `Stack ${stack} (${target}) ${STATES[state]}, in ${home}`,
    ...lines.map(([verdict, text]) => `  ${signOf(verdict)} ${text}`),
    ...(state === 'up' ? [] : [`  → npm run up${state === 'down' ? '' : ' mends what is down'}`]),
  ].join('\n')
}

const STATES = {
  up: 'is up',
  degraded: 'runs, but not all of it is well',
  down: 'is down; what data and models it has stay',
}

type Line = readonly [CheckVerdict, string]

function describeProcess({ name, url, running, since, state, log }: ServerStatus): Line {
  const ago = since === null ? '' : ` for ${agoOf(since)}`
  const where = running ? '' : `  ${log}`
  return [
    running ? 'passed' : 'failed',
    `${name.padEnd(12)} ${url.padEnd(22)} ${state}${ago}${where}`,
  ]
}

function describeServer({ server, healthy, parts }: ServerHealth): Line {
  const wrong = parts.filter(part => !part.healthy)
  const shown = wrong.length === 0 ? parts : wrong
  const details = shown.map(({ checked, detail }) =>
    // A server that cannot be asked says so itself, of each model the same.
    checked.startsWith('model ') && !detail.startsWith(server)
      ? `${checked.slice('model '.length)}: ${detail}`
      : detail.replace(`${server} `, ''),
  )
  return [healthy ? 'passed' : 'failed', `${server}: ${[...new Set(details)].join('; ')}`]
}

function describeMemory({ used, planned }: { used?: Bytes; planned?: Bytes }): Line {
  const held = used === undefined ? 'not known' : formatBytes(used)
  const wanted = planned === undefined ? '' : `, of ${formatBytes(planned)} planned`
  const isOver = used !== undefined && planned !== undefined && used > planned
  return [used === undefined || isOver ? 'unchecked' : 'passed', `Memory: ${held}${wanted}`]
}

function describeVerification({ verification, recordsUnknown }: StackStatus): Line {
  if (recordsUnknown !== undefined) return ['unchecked', `Last verification: ${recordsUnknown}`]
  if (verification === null) return ['unchecked', 'Last verification: none is on record']
  const { verdict, startedAt, checks } = verification
  const names = checks
    .filter(check => check.verdict === verdict && verdict !== 'passed')
    .map(({ name }) => name)
  const which = names.length === 0 ? '' : `: ${names.join(', ')}`
  return [
    verdict,
    `Last verification: ${wordOf(verdict)} ${agoOf(startedAt)} ago, ${describeReport({ checks })}${which}`,
  ]
}

function describeBackup({ backup, recordsUnknown }: StackStatus): Line {
  if (recordsUnknown !== undefined) return ['unchecked', `Last backup: ${recordsUnknown}`]
  if (!backup) return ['unchecked', 'Last backup: none']
  const where = 'archive' in backup ? ` in ${backup.archive}` : ''
  const records = counted(backup.records, 'record')
  return ['passed', `Last backup: ${agoOf(backup.created)} ago, ${records}${where}`]
}

const agoOf = (moment: string): string => formatDuration(Date.now() - Date.parse(moment))
