import { Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { keptOptions } from '../../../provision/npm/kept-options.ts'
import { refusalOf } from '../../../provision/npm/right-line.ts'

const OPTIONS = [
  '--stack <name>',
  '--config-file <path>',
  '--node <description>',
  '--purge',
  '--json',
].map(flags => new Option(flags))

describe('the line that is meant', () => {
  it.each([
    ['a flag', { purge: ['true'] }, [], 'npm run down -- --purge'],
    ['a value after =', { stack: ['prod'] }, [], 'npm run down -- --stack prod'],
    ['a value after a blank', { stack: ['true'] }, ['prod'], 'npm run down -- --stack prod'],
    [
      'a name of two words',
      { config_file: ['a.yaml'] },
      [],
      'npm run down -- --config-file a.yaml',
    ],
    [
      'a value that the shell would take apart',
      { stack: ["it's a"] },
      [],
      String.raw`npm run down -- --stack 'it'\''s a'`,
    ],
    ['a value that is missing', { stack: ['true'] }, [], 'npm run down -- --stack <name>'],
    [
      'values of which nobody knows whose they are',
      { stack: ['true'], config_file: ['true'] },
      ['a', 'b'],
      'npm run down -- --stack <name> --config-file <path>',
    ],
    ['a repeated one', { node: ['a', 'b'] }, [], 'npm run down -- --node a --node b'],
    [
      'a part of the line',
      { purge: ['true'] },
      ['--stack', 'prod'],
      'npm run down -- --stack prod --purge',
    ],
    ['one that npm takes for its own', { node_options: ['a=1'] }, [], 'npm run down -- --node a=1'],
    ['a stack without its name', {}, ['prod'], 'npm run down -- --stack prod'],
  ] as [string, Record<string, string[]>, string[], string][])(
    'has %s behind the --',
    (_, kept, args, expected) => {
      expect(refused(kept, args)?.mend).toBe(expected)
      expect(refused(kept, args)?.exitCode).toBe(2)
    },
  )

  it('keeps npm silent when it was', () => {
    expect(refused({ purge: ['true'] }, [], { silent: true })?.mend).toBe(
      'npm run -s down -- --purge',
    )
  })

  it('is not guessed for an option that the command does not have', () => {
    const refusal = refused({ purg: ['true'] }, [], { unknownToNpm: ['purg'] })
    expect(refusal?.message).toContain('down has no option --purg')
    expect(refusal?.mend).toBe('npm run down -- --help')
  })

  it.each([
    ['nothing is kept', {}, ['--stack', 'prod']],
    ['what npm kept stands behind the -- too', { stack: ['true'] }, ['--stack=prod']],
    ['npm kept what is its own', { node_options: ['--inspect'], script_shell: ['bash'] }, []],
  ] as [string, Record<string, string[]>, string[]][])(
    'is the one given when %s',
    (_, kept, args) => {
      expect(refused(kept, args)).toBeUndefined()
    },
  )

  function refused(kept: Record<string, string[]>, args: string[], more = {}) {
    return refusalOf({
      command: 'down',
      options: OPTIONS,
      args,
      operands: args.filter(arg => !arg.startsWith('-') && !args.includes('--stack')),
      kept: new Map(Object.entries(kept)),
      unknownToNpm: [],
      silent: false,
      ...more,
    })
  }
})

describe('what npm kept', () => {
  const environment = { npm_config_purge: 'true', npm_config_loglevel: 'silent', HOME: '/' }

  it('is what stood on its command line', () => {
    expect(kept({})).toEqual({ purge: ['true'] })
  })

  it('is all values of an option that stood there more than once', () => {
    expect(kept({ environment: { npm_config_node: 'a=1\n\nb=2' } })).toEqual({
      node: ['a=1', 'b=2'],
    })
  })

  it('is nothing of an option that was said to be false', () => {
    expect(kept({ environment: { npm_config_purge: '' } })).toEqual({})
  })

  it.each(['npm_config_purge', 'NPM_CONFIG_PURGE'])(
    'is nothing that came with the environment, as %s',
    name => {
      expect(kept({ outer: { [name]: 'true' } })).toEqual({})
    },
  )

  it.each(['purge=true', ' purge = true', 'fund=false\npurge\n', 'purge[]=a'])(
    'is nothing that a configuration file sets, as %j',
    text => {
      expect(kept({ configurations: [text] })).toEqual({})
    },
  )

  it.each(['; purge=true', '//host/:purge=true', 'purger=true'])(
    'is what a configuration file does not set, such as %j',
    text => {
      expect(kept({ configurations: [text] })).toEqual({ purge: ['true'] })
    },
  )

  function kept(run: Partial<Parameters<typeof keptOptions>[0]>) {
    return Object.fromEntries(keptOptions({ environment, outer: {}, configurations: [], ...run }))
  }
})
