import { MiB } from '../../infra/units.ts'
import { STORED } from '../support/api/stored.ts'
import { type Attacked, startAttackedApi } from '../support/attacks/attacked-api.ts'
import { ATTACKS } from '../support/attacks/attacks.ts'
import type { Call } from '../support/attacks/neighbour.ts'
import type { Bench } from './bench.ts'
import { percentile } from './knowledge/callers.ts'

/** Milliseconds of each attack: up to 60 reads and 24 writes of the neighbour. */
const LASTS = 12_000
const WARM = 5000
/** Chunks of others. */
const OTHERS = 30_000

/** A neighbour's calls and others' looks at health while the API is attacked, and what is left of it afterwards. */
export const attacks: Bench = {
  name: 'attacks',
  async run() {
    const world = await startAttackedApi(OTHERS)
    try {
      await world.undisturbed(WARM)
      const results = [{ name: 'none', ...(await world.undisturbed(LASTS)) }]
      for (const attack of ATTACKS) {
        process.stderr.write(`${attack.name}\n`)
        results.push({ name: attack.name, ...(await world.attacked(attack, LASTS)) })
      }
      return { markdown: table(results), figures: results }
    } finally {
      await world.stop()
    }
  },
}

function table(results: readonly ({ name: string } & Attacked)[]): string {
  const rows = results.map(({ name, calls, before, after }) => {
    const of = (kind: Call['kind']) => calls.filter(call => call.kind === kind)
    const failed = calls.filter(({ status }) => !STORED.includes(status))
    return [
      name,
      times(of('read')),
      times(of('write')),
      count(failed, ({ status }) => status === 503),
      count(failed, ({ status }) => status !== 503),
      `${Math.round(Math.max(...of('health').map(({ millis }) => millis)))} ms`,
      `${Math.round(before.resident / MiB)} → ${Math.round(after.resident / MiB)} MiB`,
      `${(before.used / MiB).toFixed(1)} → ${(after.used / MiB).toFixed(1)} MiB`,
      `${before.descriptors} → ${after.descriptors}`,
      `${after.connections}, ${after.requests}, ${after.bytes}`,
    ]
  })
  return [
    `${LASTS / 1000} s of each attack on one API in front of a real Chroma with ${OTHERS.toLocaleString('en')} chunks of other creators, from another address, while a neighbour reads up to five times and writes up to twice a second.`,
    '',
    '| Attack | Reads p50 / p99 | Writes p50 / p99 | 503 | Other failures | Slowest health | Memory, resident | Memory, used | Descriptors | Connections, requests and bytes left |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n')
}

const count = (calls: readonly Call[], which: (call: Call) => boolean) => calls.filter(which).length

function times(calls: readonly Call[]): string {
  const millis = calls.map(call => call.millis)
  return `${percentile(millis, 0.5).toFixed(1)} ms / ${percentile(millis, 0.99).toFixed(1)} ms`
}
