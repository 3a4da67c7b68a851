import { VERDICTS } from '../../infra/capacity/capacity-plan.ts'
import { startFleet } from '../support/cluster/fleet/fleet.ts'
import type { Bench } from './bench.ts'
import { type Comparison, comparePlans } from './scheduler/compare.ts'

const CASES = 500
const ORDERS = 20

/** The plan's verdict beside what the real kube-scheduler does with the same pods on simulated nodes. */
export const scheduler: Bench = {
  name: 'scheduler',
  async run(flags) {
    const [cases = CASES, orders = ORDERS] = flags.filter(flag => /^\d+$/.test(flag)).map(Number)
    const fleet = await startFleet([], { runsPods: false })
    try {
      const results = await comparePlans(fleet, cases, orders, done => {
        if (done % AT_A_TIME === 0) process.stderr.write(`  ${done}/${cases}\n`)
      })
      return { markdown: table(results, orders), figures: results }
    } finally {
      await fleet.stop()
    }
  },
}

const AT_A_TIME = 25

function table(results: readonly Comparison[], orders: number): string {
  const rows = Object.values(VERDICTS).map(verdict => {
    const of = results.filter(result => result.verdict === verdict)
    const [always, never] = [orders, 0].map(
      count => of.filter(({ bound }) => bound === count).length,
    )
    const share = `${Math.round((of.length / results.length) * 100)} %`
    const disagree = of.filter(({ agrees }) => !agrees).length
    return [verdict, of.length, share, always, of.length - always! - never!, never, disagree]
  })
  return [
    `${results.length} random stacks of the catalog's models on random clusters, ${orders} shuffled orders each; the scheduler is the real kube-scheduler, the nodes are simulated (KWOK).`,
    '',
    '| The plan says | clusters | share | all bound in every order | in some | in none | disagreements |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n')
}
