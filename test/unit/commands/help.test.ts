import { Command, Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { COMMANDS, STACK_COMMANDS } from '../../../provision/commands/all-commands.ts'
import { EXAMPLES } from '../../../provision/commands/examples.ts'

describe.each(Object.keys(COMMANDS))('the command %s', name => {
  it('has examples that it takes', async () => {
    const spec = await COMMANDS[name]!()
    expect(EXAMPLES[name]!.length).toBeGreaterThan(0)
    for (const example of EXAMPLES[name]!) {
      const [, run, options = ''] = /^npm run (?:-s )?([a-z]+)(?: -- (.*))?$/.exec(example)!
      expect(run).toBe(name)
      const command = new Command(name).exitOverride().option('--json')
      for (const { flags, parse } of spec.options) {
        const option = new Option(flags)
        command.addOption(parse === undefined ? option : option.argParser(parse))
      }
      command.action(() => {})
      expect(() =>
        command.parse(options.split(' ').filter(Boolean), { from: 'user' }),
      ).not.toThrow()
    }
  })

  it('takes a stack, or is known to have none', async () => {
    const { options } = await COMMANDS[name]!()
    expect(options.some(({ flags }) => flags.startsWith('--stack '))).toBe(STACK_COMMANDS.has(name))
  })
})
