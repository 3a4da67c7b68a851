import { writeFile } from 'node:fs/promises'
import { type Node, parseNode } from '../../infra/capacity/hardware.ts'
import { readStackFile } from '../../infra/settings-file.ts'
import { renderHtml } from '../plan/html.ts'
import { planHere, planOn } from '../plan/plan.ts'
import { renderTable } from '../plan/table.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from './command.ts'

interface PlanOptions extends StackOptions {
  node?: string[]
  html?: string
}

/** What the models and the data need, against the hardware given or found. */
export const plan: CommandSpec<PlanOptions> = {
  name: 'plan',
  description: 'what the models and the data need, against this machine or those given',
  options: [
    ...STACK_FLAGS,
    {
      flags: '--node <description>',
      description:
        'a machine in place of this one, such as memory=64GiB,cpu=16,gpu=2xL40S; repeatable',
      parse: (text, before) => [...((before as string[] | undefined) ?? []), text],
    },
    { flags: '--html <file>', description: 'write the plan as a page with charts too' },
  ],
  async run({ stack, configFile, node, html }, { steps }) {
    const { settings } = await readStackFile(stack, configFile)
    const nodes = node?.map<Node>(parseNode)
    const planned = await steps.run(
      'plan',
      () =>
        nodes === undefined ? planHere(settings, 'sources') : planOn(settings, nodes, 'sources'),
      ({ verdict }) => verdict,
    )
    if (html !== undefined) await writeFile(html, await renderHtml(planned))
    return {
      text: renderTable(planned),
      document: planned,
      exitCode: planned.verdict === 'never fits' ? 1 : 0,
    }
  },
}
