import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { backup } from '../../../checks/archive/backup.ts'
import { FolderStorage } from '../../../checks/archive/folder-storage.ts'
import { restore } from '../../../checks/archive/restore.ts'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import { diagnose } from '../../../checks/damage/doctor.ts'
import { findMove } from '../../../checks/reshard/find-move.ts'
import { reshard } from '../../../checks/reshard/reshard.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import type { Fetch } from '../../../checks/transport/connection.ts'
import { Outputs } from '../../../infra/outputs.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { BESIDE_DATA, readBesideReport } from '../../../provision/chroma-files/beside-report.ts'
import { forgetCreators } from '../../../provision/forget/forget-creators.ts'
import { Steps } from '../../../provision/steps/steps.ts'
import type { TargetCommands } from '../../../provision/targets/target.ts'
import { embedded } from './embedded.ts'
import { type Kill, phaseOf } from './phases.ts'
import { runUpgrade, type UpgradeWork } from './upgrade-work.ts'

/** What a worker is to do. */
export type Work =
  | { name: 'reshard' | 're-embed'; shards: number; embeddingModel?: string; rate?: number }
  | { name: 'forget'; creators: string[]; home: string; data: string[] }
  | { name: 'doctor' }
  | { name: 'backup'; home: string; place: string }
  | { name: 'restore'; home: string; archive: string; creator: string }
  | UpgradeWork

/** Milliseconds after which the process that rewrites files is killed, at most. */
const WITHIN_FILES = 150

/** A process that runs a command on data, and kills itself in the middle of it where it is told to. */
const [outputs = '', asked = '', at = 'null'] = process.argv.slice(2)
const work = JSON.parse(asked) as Work
const kill = JSON.parse(at) as Kill | null
let target = ''
let met = 0

const dies = () => process.kill(process.pid, 'SIGKILL')

const fatal: Fetch = async (url, init) => {
  const request = { url: String(url), method: init?.method ?? 'GET', body: String(init?.body) }
  const isMet = phaseOf(work.name, request, target) === kill?.phase && ++met === kill?.nth
  if (isMet && kill?.moment === 'before') dies()
  const answer = embedded(request)
  const response = answer ?? (await fetch(url, init))
  if (isMet) dies()
  return response
}

const parsed = Outputs.parse(JSON.parse(outputs))
const deployment = await openDeployment(parsed, { fetch: fatal })
const knowledge = deployment.knowledge()
const { signal } = new AbortController()
const quiet = { signal, report() {} }
// The servers may be down in the middle of an upgrade.
const from = work.name === 'upgrade' ? undefined : (await findMove(knowledge, signal)).from
target = `knowledge_generation_${(from?.shards.settings.generation ?? 0) + 1}`
const started = performance.now()
const done = await run(work, knowledge)
const seconds = (performance.now() - started) / 1000
const resident = process.resourceUsage().maxRSS * 1024
process.stdout.write(JSON.stringify({ ...done, seconds, resident }))
await deployment.close()

async function run(work: Work, knowledge: Knowledge): Promise<object | undefined> {
  switch (work.name) {
    case 'reshard':
    case 're-embed':
      return reshard(knowledge, { ...work, ...quiet })
    case 'forget':
      return forgetCreators(work.creators, {
        settings: { stack: 'test', home: work.home } as Settings,
        knowledge,
        target: filesOf(work.data),
        instances: work.data.length,
        rate: undefined,
        steps: new Steps(signal, { stream: new PassThrough() as unknown as NodeJS.WriteStream }),
        signal,
      })
    case 'doctor': {
      const { shards } = await knowledge.generations.newest(signal)
      const all = [...(await shards.existing(signal)).values()]
      // As if their indexes held far more than there is.
      const indexed = new Map(all.map(({ id }) => [id, 1_000_000]))
      const treatment = {
        fix: true,
        embedUnknown: false,
        deleteForeign: false,
        mayRebuild: true,
        indexed,
      }
      return { shards: await diagnose(knowledge, { ...treatment, ...quiet }) }
    }
    case 'upgrade':
      return runUpgrade(work, parsed, filesOf(work.data).besideData, kill, dies)
    case 'backup':
      return backup(knowledge, new FolderStorage(work.place), {
        stack: 'test',
        versions: {},
        recipients: [],
        folder: join(work.home, 'backup'),
        now: new Date(),
        ...quiet,
      })
    case 'restore':
      return restore(knowledge, new FolderStorage(work.archive).open(), {
        there: 'keep',
        creator: work.creator,
        embedAnew: true,
        forgotten: new Map(),
        identities: [],
        folder: join(work.home, 'restore'),
        ...quiet,
      })
  }
}

/** The files of servers of this machine, by a process as the command starts it, which may be killed at any moment. */
function filesOf(data: readonly string[]): TargetCommands {
  return {
    async besideData(_settings, instance, request) {
      const isKilled = kill?.phase === 'files' && request.erase && ++met === kill.nth
      const child = spawn(process.execPath, [join(PROJECT_ROOT, BESIDE_DATA), '-'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      let output = ''
      child.stdout.on('data', piece => {
        output += piece
      })
      child.stdin.end(JSON.stringify({ data: data[instance], ...request }))
      if (isKilled) {
        await sleep(Math.random() * WITHIN_FILES)
        child.kill('SIGKILL')
        dies()
      }
      await once(child, 'close')
      return readBesideReport(output, data[instance]!)
    },
    async readLogs() {},
  } as Pick<TargetCommands, 'besideData' | 'readLogs'> as TargetCommands
}
