import { ANN, BEN, CLEO, CREATORS, LARS, LEA } from './creators.ts'
import type { Draw } from './draw.ts'
import type { Incident } from './incidents.ts'
import type { KillWorld } from './kill-world.ts'

const SMALL = [ANN, BEN, CLEO]
const LARGE = [LEA, LARS]

/** Does once what has a phase in it, by the process that something is to happen to. */
export async function passThrough(
  { phase, process }: Incident,
  world: KillWorld,
  draw: Draw,
): Promise<void> {
  const needsMany = /^write, (first|middle|last)/.test(phase)
  if (process === 'bulk') {
    const some = phase === 'write, only request' ? [ANN] : [ANN, BEN, LEA, CLEO]
    const load = some.map(plan => {
      const count = needsMany || plan.isSmall ? Math.max(...plan.counts) : draw.of(plan.counts)
      return { plan, document: draw.of(plan.documents), count }
    })
    await world.bulk.load(load)
    return
  }
  const caller = world.apis[process]
  if (phase === 'read of the index') {
    const plan = draw.of(LARGE)
    await caller.query(
      plan,
      Array.from({ length: 16 }, () => draw.next() - 0.5),
    )
    return
  }
  const plan = draw.of(needsMany ? LARGE : phase === 'write, only request' ? SMALL : CREATORS)
  const document = draw.of(plan.documents)
  if (phase === 'read of the table') await caller.get(plan, document)
  else if (phase === 'deletion, later request') {
    // A request names a thousand records at most, and no document has as many: but with what was left of others it has.
    const large = draw.of(LARGE)
    const proxy = world.proxyOf(process)
    proxy.refused = 'clean-up'
    for (let left = 0; left < 2; left += 1)
      await caller.put(large, document, Math.max(...large.counts))
    proxy.refused = undefined
    await caller.delete(large, document)
  } else if (phase.startsWith('deletion')) {
    await caller.put(plan, document, draw.of(plan.counts))
    await caller.delete(plan, document)
  } else
    await caller.put(plan, document, needsMany ? Math.max(...plan.counts) : draw.of(plan.counts))
}
