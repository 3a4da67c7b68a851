import { openDeployment } from '../../../checks/connected-deployment.ts'
import { findMove } from '../../../checks/reshard/find-move.ts'
import { reshard } from '../../../checks/reshard/reshard.ts'
import type { Fetch } from '../../../checks/transport/connection.ts'
import { Outputs } from '../../../infra/outputs.ts'
import { databaseOf } from '../../../infra/shards.ts'
import { type MoverKill, phaseOf } from './mover-phases.ts'

/** A process that moves all creators to so many shards, and kills itself in the middle of it where it is told to. */
const [outputs = '', shards, at = 'null', rate] = process.argv.slice(2)
const kill = JSON.parse(at) as MoverKill | null
let target = ''
let met = 0

const fatal: Fetch = async (url, init) => {
  const request = { url: String(url), method: init?.method ?? 'GET', body: String(init?.body) }
  const isMet = phaseOf(request, target) === kill?.phase && ++met === kill?.nth
  if (isMet && kill?.moment === 'before') process.kill(process.pid, 'SIGKILL')
  const response = await fetch(url, init)
  if (isMet) process.kill(process.pid, 'SIGKILL')
  return response
}

const deployment = await openDeployment(Outputs.parse(JSON.parse(outputs)), { fetch: fatal })
const knowledge = deployment.knowledge()
const { signal } = new AbortController()
const { from } = await findMove(knowledge, signal)
target = databaseOf(from.shards.settings.generation + 1)
const started = performance.now()
const done = await reshard(knowledge, {
  shards: Number(shards),
  rate: rate === undefined ? undefined : Number(rate),
  signal,
  report() {},
})
const seconds = (performance.now() - started) / 1000
const resident = process.resourceUsage().maxRSS * 1024
process.stdout.write(JSON.stringify({ ...done, seconds, resident }))
await deployment.close()
