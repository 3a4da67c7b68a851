import type { Option } from 'commander'
import { Failure } from '../../infra/failure.ts'
import type { KeptOptions } from './kept-options.ts'

export interface CommandLine {
  /** As after `npm run`. */
  command: string
  options: readonly Option[]
  /** What npm handed on to the command. */
  args: readonly string[]
  /** Those of `args` that belong to no option. */
  operands: readonly string[]
  kept: KeptOptions
  /** Of the kept ones those that npm has no use for either. */
  unknownToNpm: readonly string[]
  /** Whether npm was told to be silent. */
  silent: boolean
}

/**
 * What is wrong with a command line of which npm kept a part, or that names more than options, and the line that is
 * meant.
 * @returns undefined where nothing is
 */
export function refusalOf(line: CommandLine): Failure | undefined {
  const { command, options, args, operands } = line
  const own = options.flatMap(option => {
    const values = isGiven(option, args) ? undefined : valuesOf(option, line)
    return values === undefined ? [] : [{ option, values }]
  })
  const foreign = line.unknownToNpm.filter(key => !options.some(option => keyOf(option) === key))
  if (own.length === 0 && foreign.length === 0 && operands.length === 0) return undefined

  const names = [...own.map(({ option }) => option.long), ...foreign.map(nameOf)]
  const problems = [
    ...(names.length === 0 ? [] : [`npm kept ${names.join(' and ')} for itself`]),
    ...foreign.map(key => `${command} has no option ${nameOf(key)}`),
    ...(names.length > 0 ? [] : [`${command} takes options only; given is ${operands.join(' ')}`]),
  ]
  return new Failure('misused', `${problems.join('; ')}. Options stand behind --`, {
    mend: foreign.length > 0 ? `npm run ${command} -- --help` : rightLine(line, own),
  })
}

interface Kept {
  option: Option
  values: string[]
}

/** The line with the kept options behind `--`; a value that npm took apart from its option goes back to it. */
function rightLine({ command, args, operands, options, silent }: CommandLine, own: Kept[]): string {
  const apart = own.flatMap(({ option, values }) =>
    option.required ? values.filter(value => value === APART) : [],
  )
  // Whose value is which is only sure when there is one: npm does not keep their order.
  const [waiting] = apart.length === 1 ? operands : []
  const put = own.flatMap(({ option, values }) =>
    option.required
      ? values.map(value => withValue(option, value === APART ? waiting : value))
      : option.long!,
  )
  if (own.length === 0 && operands.length === 1) {
    const stack = options.find(({ long }) => long === '--stack')
    if (stack !== undefined) put.push(withValue(stack, operands[0]))
  }
  const rest = without(args, operands).map(quoted)
  return [`npm run${silent ? ' -s' : ''} ${command} --`, ...rest, ...put].join(' ')
}

/** The value of an option that stood before a blank: `--stack prod` is `--stack=true` and an argument `prod`. */
const APART = 'true'

/**
 * What npm kept of an option: under its name, or under one of npm's own that the name is the beginning of, which
 * `--node` and npm's `--node-options` are in npm 10. What begins with a dash was meant for that.
 */
function valuesOf(option: Option, { kept, options }: CommandLine): string[] | undefined {
  const key = keyOf(option)
  const exact = kept.get(key)
  if (exact !== undefined) return exact
  const [, values] =
    [...kept].find(
      ([name]) => name.startsWith(key) && !options.some(other => keyOf(other) === name),
    ) ?? []
  return values?.some(value => value.startsWith('-')) ? undefined : values
}

function without(args: readonly string[], operands: readonly string[]): string[] {
  const rest = [...args]
  for (const operand of operands) rest.splice(rest.lastIndexOf(operand), 1)
  return rest
}

const withValue = ({ long, flags }: Option, value: string | undefined): string =>
  `${long} ${value === undefined ? flags.slice(flags.indexOf('<')) : quoted(value)}`

const keyOf = ({ long }: Option): string => long!.slice(2).replaceAll('-', '_')
const nameOf = (key: string): string => `--${key.replaceAll('_', '-')}`
const isGiven = ({ long }: Option, args: readonly string[]): boolean =>
  args.some(arg => arg === long || arg.startsWith(`${long}=`))

/** As every shell takes it for one word. */
export const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
