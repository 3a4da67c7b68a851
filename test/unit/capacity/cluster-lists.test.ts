import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StackPlan } from '../../../infra/capacity/stack-plan.ts'
import { describeCaveats, describeVerdict } from '../../../infra/capacity/verdict/verdict.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { readStackFile } from '../../../infra/settings/settings-file.ts'
import { planOn } from '../../../provision/plan/deploy-decision.ts'
import { describedMachines } from '../../../provision/plan/described-machines.ts'

/** Lists as kubectl prints them, of clusters as people have them. */
const LISTS = join(PROJECT_ROOT, 'test/support/capacity/node-lists')

interface Expected {
  verdict: StackPlan['verdict']
  /** What the plan says of it. */
  says?: RegExp
  /** GPUs that the Ollamas are given in all. */
  gpus?: number
  settings?: object
}

const NEVER = 'never fits'
const ALWAYS = 'fits always'
/** The settings of the stack `prod`, which plans gpt-oss:20b with 8192 tokens. */
const EXPECTED: Record<string, Expected> = {
  'windows-beside-linux': { verdict: NEVER, says: /akswin000034 is passed over: it runs windows/ },
  'pods-per-node': { verdict: NEVER, says: /room for a pod, and t4g takes no more of them/ },
  'two-mig-slices': { verdict: ALWAYS, gpus: 1, says: /No GPU holds all of gpt-oss:20b/ },
  'gpu-memory-in-bytes': { verdict: NEVER, says: /Tesla-T4-SHARED, 15360 MiB/ },
  'mig-beside-whole-gpus': {
    verdict: ALWAYS,
    gpus: 1,
    says: /cards of it are cut into MIG slices/,
  },
  'time-sliced-2x3': { verdict: ALWAYS, gpus: 1, says: /whoever has the other turns/ },
  'gpu-without-memory-label': { verdict: NEVER, says: /no label nvidia\.com\/gpu\.memory/ },
  'quantity-millibytes': { verdict: ALWAYS },
  'quantity-exponent': { verdict: ALWAYS },
  'items-without-kind': { verdict: ALWAYS },
}

async function planOf(list: string, changes: object = {}): Promise<StackPlan> {
  const { settings } = await readStackFile('prod')
  const changed = { ...settings, ...changes }
  const machines = await describedMachines({ nodes: join(LISTS, `${list}.json`) }, changed)
  return planOn(changed, machines!, 'here')
}

const gpusOf = ({ workloads }: StackPlan) =>
  workloads.reduce((sum, { requests }) => sum + (requests.gpu?.count ?? 0), 0)

describe('the plan of production on a cluster', () => {
  it('is tried on every list that there is', async () => {
    const lists = (await readdir(LISTS)).map(file => file.replace('.json', ''))
    expect(lists.sort()).toEqual(Object.keys(EXPECTED).sort())
  })

  it.each(Object.entries(EXPECTED))('is right: %s', async (list, { verdict, says, gpus }) => {
    const plan = await planOf(list)
    expect(plan.verdict).toBe(verdict)
    const said = [...describeCaveats(plan), describeVerdict(plan)].join('\n')
    if (says !== undefined) expect(said).toMatch(says)
    if (gpus !== undefined) expect(gpusOf(plan)).toBe(gpus)
  })

  it('never spreads a model over turns or slices, however large its context', async () => {
    const { settings } = await readStackFile('prod')
    const models = settings.models.map(model =>
      model.definition.role === 'chat' ? { ...model, contextLength: 131_072 } : model,
    )
    for (const list of ['time-sliced-2x3', 'two-mig-slices']) {
      const { workloads } = await planOf(list, { models })
      expect(workloads.map(({ requests }) => requests.gpu?.count ?? 1)).toEqual(
        workloads.map(() => 1),
      )
    }
  })
})
