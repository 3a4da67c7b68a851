import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { openLog } from '../../checks/api/log-rotation.ts'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { makePrivateFolder, spawnPrivately, writePrivateFile } from '../../infra/private-files.ts'
import type { ProcessArgs } from '../../infra/resources.ts'
import { formatDuration } from '../../infra/units.ts'
import { unwritable } from '../ownership/require-writable.ts'
import { processStart } from '../process-identity.mjs'
import type { Task } from '../progress.ts'
import {
  type ProcessRecord,
  type Running,
  removeProcessRecord,
  writeProcessRecord,
} from './process-record.ts'
import { becomesReady } from './readiness-poll.ts'
import { stopProcess } from './stop-process.ts'
import { newTrackingId, TRACKING_VARIABLE } from './tracking.ts'

const LOG_TAIL_LINES = 10

/**
 * Starts a server that outlives this process, and waits until it is ready; one that does not get ready is
 * ended again.
 * @param command the program and its first arguments, as the toolchain gave them
 * @throws Failure `unavailable` with the end of its log
 */
export async function startProcess(
  command: string[],
  args: ProcessArgs,
  { report, signal }: Task,
): Promise<Running> {
  await prepare(args)
  let record: ProcessRecord = { trackingId: newTrackingId() }
  await writeProcessRecord(args.record, record)
  try {
    const argv = [...command, ...args.arguments]
    const { running, ended } = await spawnDetached(argv, args, record.trackingId)
    record = running
    await writeProcessRecord(args.record, running)
    report(`process ${running.pid} started, waiting until it is ready`)
    const url = `http://127.0.0.1:${args.port}${args.readyPath}`
    if (await becomesReady(url, args.readyWithin, () => ended.how !== undefined, signal))
      return running
    const why = ended.how ?? `was not ready within ${formatDuration(args.readyWithin)}`
    throw new Failure(
      'unavailable',
      `${args.name} ${why}. The end of its log ${args.log}:\n${await tail(args.log)}`,
    )
  } catch (error) {
    await stopProcess(record)
    await removeProcessRecord(args.record)
    throw error
  }
}

async function prepare({ folders, files, log }: ProcessArgs): Promise<void> {
  try {
    for (const folder of [...folders, dirname(log), ...Object.keys(files).map(dirname)]) {
      await makePrivateFolder(folder)
    }
    for (const [path, content] of Object.entries(files)) await writePrivateFile(path, content)
  } catch (error) {
    throw unwritable(error)
  }
}

async function spawnDetached(
  argv: string[],
  { environment, log }: ProcessArgs,
  trackingId: string,
) {
  const [program, ...rest] = argv as [string, ...string[]]
  const output = await openLog(log).catch(error => {
    throw unwritable(error)
  })
  const child = spawnPrivately(() =>
    spawn(program, rest, {
      // A group and session of its own: it lives on when the update ends or is interrupted.
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
      env: { ...inherited(process.env), ...environment, [TRACKING_VARIABLE]: trackingId },
    }),
  )
  child.unref()
  const ended: { how?: string } = {}
  child.once('exit', (code, signal) => {
    ended.how = `ended with ${signal ?? `exit code ${code}`} instead of getting ready`
  })
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
  } catch (error) {
    throw new Failure('unavailable', `${program} cannot be run: ${reasonOf(error)}`)
  } finally {
    await output.close()
  }
  const pid = child.pid as number
  return { running: { pid, identity: processStart(pid) ?? 'ended', trackingId }, ended }
}

/**
 * What a server takes over from this process's environment: how to find programs, compiled modules and devices. Nothing
 * else: the engine's passphrase is in there too, and an OLLAMA_… would undo the plan. Proxies and certificates come by
 * its arguments, so that one which needs others is started anew.
 */
function inherited(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => INHERITED.test(name)))
}

const INHERITED =
  /^(PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|NODE_COMPILE_CACHE|LD_LIBRARY_PATH|(CUDA|NVIDIA|ROCR|HIP|HSA)_\w+)$/

async function tail(log: string): Promise<string> {
  const lines = (await readFile(log, 'utf8')).trimEnd().split('\n')
  return lines
    .slice(-LOG_TAIL_LINES)
    .map(line => `  ${line}`)
    .join('\n')
}
