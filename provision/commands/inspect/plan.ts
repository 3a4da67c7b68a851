import { writeFile } from 'node:fs/promises'
import { planHere, planOn } from '../../plan/deploy-decision.ts'
import { describedMachines, type MachineFlags } from '../../plan/described-machines.ts'
import { renderHtml } from '../../plan/plan-page.ts'
import { renderTable } from '../../plan/plan-table.ts'
import { openStackFile } from '../../read-models.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'
import { repeated } from '../flags.ts'

interface PlanOptions extends StackOptions, MachineFlags {
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
      parse: repeated,
    },
    {
      flags: '--nodes <file>',
      description:
        'a YAML or JSON list of such descriptions, or of kubectl get nodes,pods -A -o json',
    },
    {
      flags: '--cluster',
      description:
        'the nodes of the cluster of the kubeconfig, or of the setting kubernetes.context',
    },
    { flags: '--html <file>', description: 'write the plan as a page with charts too' },
  ],
  async run({ stack, configFile, html, ...flags }, { steps }) {
    const { settings } = await openStackFile(stack, configFile)
    const nodes = await describedMachines(flags, settings)
    const planned = await steps.run(
      'plan',
      () =>
        nodes === undefined ? planHere(settings, 'sources') : planOn(settings, nodes, 'sources'),
      ({ verdict }) => verdict,
    )
    if (html !== undefined) {
      await writeFile(html, await renderHtml(planned, { stack: settings.stack, date: new Date() }))
      steps.note(`The plan as a page: ${html}`)
    }
    return {
      text: renderTable(planned),
      document: planned,
      exitCode: planned.verdict === 'never fits' ? 1 : 0,
    }
  },
}
