import type { ModelArgs } from '../../../infra/resources.ts'
import { describeSource } from '../../../infra/settings/model-definition.ts'
import { Config } from '../../../infra/settings/settings-schema.ts'
import { formatBytes } from '../../../infra/units.ts'
import { claimHome } from '../../ownership/home-owner.ts'
import { planStep } from '../../plan/deploy-decision.ts'
import { deployedSettings } from '../../pulumi/deployed-settings.ts'
import {
  ANOTHER,
  describeChange,
  type InputChange,
  inputChanges,
} from '../../pulumi/input-changes.ts'
import { type EngineStep, PulumiEngine } from '../../pulumi/pulumi-engine.ts'
import { openStackFile } from '../../read-models.ts'
import { withStackLock } from '../../stack-lock.ts'
import {
  obtainToolchain,
  TOOLCHAIN_FLAGS,
  type ToolchainFlags,
} from '../../steps/toolchain-step.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'

/** What `up` would change. */
export const preview: CommandSpec<StackOptions & ToolchainFlags> = {
  name: 'preview',
  description: 'show what up would change, restart and pull',
  options: [...STACK_FLAGS, ...TOOLCHAIN_FLAGS],
  async run(options, { steps }) {
    const stack = await openStackFile(options.stack, options.configFile)
    return withStackLock(stack.settings, `preview of stack ${options.stack}`, async () => {
      await claimHome(stack.settings)
      await planStep(stack.settings, steps)
      const { pulumi } = await obtainToolchain(options, steps, ['pulumi'])
      const engine = await PulumiEngine.open(stack, pulumi)
      const { changes, steps: planned } = await steps.run('pulumi preview', task =>
        engine.run('preview', task),
      )
      const before = await deployedSettings(stack.settings)
      const settings =
        before === undefined ? [] : inputChanges(inForce(before), inForce(stack.configured))
      return {
        text: planned.length === 0 ? 'Nothing to change' : describeAll(settings, planned),
        document: {
          stack: options.stack,
          settings,
          changes,
          steps: planned.map(step => ({ op: step.op, name: step.name, changes: changesOf(step) })),
        },
      }
    })
  },
}

/** What is set, and the default of what is not, as text: Pulumi's own command writes a number as one. */
const inForce = (configured: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries({ ...Config.parse({}), ...configured }).map(([key, value]) => [
      key,
      typeof value === 'object' ? value : String(value),
    ]),
  )

/** The other two that the engine has for what it replaces. */
const PARTS_OF_REPLACE: ReadonlySet<string> = new Set(['create-replacement', 'delete-replaced'])
/** Operations on what stays, as something else than it was. */
const CHANGES: ReadonlySet<string> = new Set(['update', 'replace'])
/** What runs, by how its type ends: it is started again when it is replaced. */
const RUNS = /:(Process|Container|StatefulSet|Deployment|DaemonSet|Pod)$/
/** A cluster starts the pods of these again when they are updated. */
const ROLLS = /:(StatefulSet|Deployment|DaemonSet)$/
/** What a verification is made again for: identities of processes, which nobody knows. */
const TRIGGERS = 'triggers'
/** Changes of one resource that are told each. */
const MOST_CHANGES = 6

function describeAll(settings: readonly InputChange[], planned: readonly EngineStep[]): string {
  const shown = planned.filter(({ op }) => !PARTS_OF_REPLACE.has(op))
  const restarted = shown.filter(isRestarted).map(({ name }) => name)
  const pulled = shown.reduce((sum, step) => sum + pulledBytes(step), 0)
  const removed = shown.some(({ op }) => op === 'delete')
  return [
    ...settings.map(change => `  setting  ${describeChange(change)}`),
    ...shown.map(describe),
    ...(pulled > 0 ? [`To be pulled: ${formatBytes(pulled)}`] : []),
    ...(restarted.length > 0 ? [`Started again, and away meanwhile: ${restarted.join(', ')}`] : []),
    ...(removed
      ? ['What is deleted here is no longer served; its data and models stay on disk']
      : []),
  ].join('\n')
}

function describe(step: EngineStep): string {
  const { op, name } = step
  const about = comingFrom(step) ?? describeChanges(changesOf(step))
  return `  ${(isRestarted(step) ? 'restart' : op).padEnd(8)} ${name}${about}`
}

/** How a model comes that is to come. */
function comingFrom(step: EngineStep): string | undefined {
  const size = pulledBytes(step)
  if (size > 0) return `, to be pulled: ${formatBytes(size)}`
  const [source] = modelOf(step)?.sources ?? []
  return source?.kind === 'folder' ? `, from ${describeSource(source)}` : undefined
}

const changesOf = ({ op, before, inputs }: EngineStep): InputChange[] =>
  CHANGES.has(op) ? inputChanges(before, inputs) : []

function describeChanges(all: readonly InputChange[]): string {
  const changes = all.filter(({ path, to }) => to !== ANOTHER && path !== TRIGGERS)
  if (changes.length === 0) return ''
  const more = changes.length > MOST_CHANGES ? [`and ${changes.length - MOST_CHANGES} more`] : []
  return `, ${[...changes.slice(0, MOST_CHANGES).map(describeChange), ...more].join(', ')}`
}

const isRestarted = ({ op, type }: EngineStep): boolean =>
  (op === 'replace' && RUNS.test(type)) || (op === 'update' && ROLLS.test(type))

/** Of a model that is to come, and not from this machine. */
function pulledBytes(step: EngineStep): number {
  const { sources: [source] = [], sizeBytes = 0 } = modelOf(step) ?? {}
  return source?.kind === 'folder' ? 0 : sizeBytes
}

/** The model that a step brings. */
const modelOf = ({ op, inputs }: EngineStep): ModelArgs['definition'] | undefined =>
  op === 'create' ? (inputs as Partial<ModelArgs>).definition : undefined
