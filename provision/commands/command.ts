import type { Steps } from '../steps/steps.ts'

/** A command of the command line: what it is called, what it takes, what it does. */
export interface CommandSpec<Options> {
  name: string
  description: string
  options: Flag[]
  run(options: Options, context: CommandContext): Promise<Outcome>
}

export interface Flag {
  /** As commander takes it: `--stack <name>`. */
  flags: string
  description: string
  default?: string | number
  required?: boolean
  /** An older name, which goes on working and is not told of. */
  hidden?: boolean
  /**
   * Turns the text into the option's value, given the value so far where it may be repeated; throws commander's
   * InvalidArgumentError.
   */
  parse?(text: string, before: unknown): unknown
}

export interface CommandContext {
  steps: Steps
  signal: AbortSignal
}

/** What a command leaves behind: for people, for programs (`--json`), and as exit code (0 when absent). */
export interface Outcome {
  text: string
  document: object
  exitCode?: number
}

/** The options of every command that works on a stack. */
export interface StackOptions {
  stack: string
  configFile?: string
}

const CONFIG_FILE: Flag = {
  flags: '--config-file <path>',
  description: 'configuration in place of Pulumi.<stack>.yaml',
}

export const STACK_FLAGS: Flag[] = [
  { flags: '--stack <name>', description: 'the stack', default: 'dev' },
  CONFIG_FILE,
]

/** The options of a command that also works on a deployment this project did not make. */
export const TARGET_FLAGS: Flag[] = [
  {
    flags: '--stack <name>',
    description: 'the stack; without it what CHROMADB_URL and OLLAMA_URL name, else dev',
  },
  CONFIG_FILE,
]

// biome-ignore lint/suspicious/noExplicitAny: each command types the options that its own flags make
export type AnyCommand = CommandSpec<any>
