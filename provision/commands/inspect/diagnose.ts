import { resolve } from 'node:path'
import { collect } from '../../diagnose/collect.ts'
import { writeBundle } from '../../diagnose/write-bundle.ts'
import { openStackFile } from '../../read-models.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'

/** Writes down what those need who help with a stack. */
export const diagnose: CommandSpec<StackOptions & { out?: string }> = {
  name: 'diagnose',
  description:
    'write what those need who help with a stack into one archive: versions, settings, plan, status, the last verification, ends of logs; no secrets',
  options: [
    ...STACK_FLAGS,
    {
      flags: '--out <file>',
      description: 'the archive (default: diagnose-<stack>-<time>.tar.gz in this folder)',
    },
  ],
  async run(options, context) {
    const stack = await openStackFile(options.stack, options.configFile)
    const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
    const name = `diagnose-${stack.settings.stack}-${time}`
    const file = resolve(options.out ?? `${name}.tar.gz`)
    const texts = await context.steps.run(
      'diagnose',
      () => collect(stack, context),
      ({ size }) => `${size} files`,
    )
    await writeBundle(file, name, texts)
    const files = [...texts.keys()].sort()
    return {
      text: `Written: ${file}\n  ${files.join(', ')}\nWithout tokens, keys and passwords; look through it before you hand it on.`,
      document: { file, files },
    }
  },
}
