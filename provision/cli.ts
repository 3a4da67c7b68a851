import { Command, CommanderError, Option } from 'commander'
import { EXIT_CODES, Failure, type FailureKind, reasonOf } from '../infra/failure.ts'
import { PROJECT_VERSION } from '../infra/project.ts'
import type { Millis } from '../infra/units.ts'
import { COMMANDS, STACK_COMMANDS } from './commands/all-commands.ts'
import type { AnyCommand, Outcome } from './commands/command.ts'
import { EXAMPLES } from './commands/examples.ts'
import { followDocker } from './docker/docker-host.ts'
import { useEnvironment } from './egress/use-environment.ts'
import { completeLines } from './npm/complete-lines.ts'
import { requireRightLine } from './npm/require-right-line.ts'
import { killTracked } from './processes/stop-process.ts'
import { newTrackingId, TRACKING_VARIABLE } from './processes/tracking.ts'
import { Steps } from './steps/steps.ts'

/** What this process starts carries it, and is found by it. */
const trackingId = newTrackingId()
process.env[TRACKING_VARIABLE] = trackingId

/** One Ctrl-C arrives several times: from the terminal, from npm, and from bootstrap.mjs, which hands both on. */
const ONE_CTRL_C: Millis = 500

const stop = new AbortController()
let interruptedAt = 0
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!stop.signal.aborted) {
      interruptedAt = performance.now()
      stop.abort(new Failure('interrupted', `Interrupted by ${signal}`))
    } else if (performance.now() - interruptedAt > ONE_CTRL_C) endAtOnce()
  })
}

/** Asked a second time: what an engine or a compiler began is not taken back. */
function endAtOnce(): never {
  killTracked(trackingId)
  const text =
    'Interrupted again, and ended at once: the next npm run up takes up where this was left'
  process.exit(explain(new Failure('interrupted', text)))
}

/** Makes the lines that a text gives those of the stack that this command is for. */
let complete = (text: string): string => text

/** The one place that catches, prints and exits. */
try {
  await useEnvironment()
  const [name = '', ...args] = process.argv.slice(2)
  const named = COMMANDS[name]
  const wanted = named === undefined ? Object.values(COMMANDS) : [named]
  const commands = (await Promise.all(wanted.map(load => load()))).map(commandOf)
  if (named !== undefined) {
    // Read by one of its own, for reading sets what the options are.
    const { operands } = commandOf(await named()).parseOptions(args)
    requireRightLine(name, commands[0]!.options, args, operands)
  }
  const program = new Command('npm run').exitOverride().description('knowledge-stack')
  for (const command of commands) program.addCommand(command)
  program.command('bench').description('the measurements of docs/benchmarks.md')
  program.version(PROJECT_VERSION, '--version', 'the version of this project')
  program.showHelpAfterError('  → npm run help')
  await program.parseAsync()
} catch (error) {
  process.exitCode = explain(stop.signal.aborted ? stop.signal.reason : error)
}

function commandOf(spec: AnyCommand): Command {
  const command = new Command(spec.name).description(spec.description).exitOverride()
  for (const flag of spec.options) {
    const option = new Option(flag.flags, flag.description)
      .default(flag.default)
      .makeOptionMandatory(flag.required ?? false)
      .hideHelp(flag.hidden ?? false)
    command.addOption(flag.parse === undefined ? option : option.argParser(flag.parse))
  }
  command.option('--json', 'one JSON document on standard output, all else on standard error')
  command.option('--verbose', 'tell more of how things were done')
  command.version(PROJECT_VERSION, '--version', 'the version of this project')
  command.showHelpAfterError(`  → npm run ${spec.name} -- --help`)
  const examples = (EXAMPLES[spec.name] ?? []).map(line => `  ${line}`)
  command.addHelpText('after', ['', 'Examples:', ...examples].join('\n'))
  command.action(async options => {
    followDocker(process.env)
    complete = text => completeLines(text, STACK_COMMANDS, options)
    const context = {
      steps: new Steps(stop.signal, { complete, isVerbose: options.verbose }),
      signal: stop.signal,
    }
    print(await spec.run(options, context), options.json)
  })
  return command
}

function print({ text, document, exitCode = 0 }: Outcome, json: boolean): void {
  const isHint = (key: string, value: unknown) => key === 'mend' && typeof value === 'string'
  const completed = (key: string, value: unknown) =>
    isHint(key, value) ? complete(value as string) : value
  process.stdout.write(`${json ? JSON.stringify(document, completed, 2) : complete(text)}\n`)
  process.exitCode = exitCode
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    // It has printed its own message already.
    if (error.exitCode === 0) return 0
    return report('misused', EXIT_CODES.misused, error.message)
  }
  const [kind, exitCode] =
    error instanceof Failure
      ? [error.kind, error.exitCode]
      : (['unavailable', EXIT_CODES.unavailable] as const)
  const message = complete(reasonOf(error))
  process.stderr.write(`${message}\n`)
  // For a defect of ours: where it came from is for those who ask.
  if (process.env.KNOWLEDGE_STACK_DEBUG) process.stderr.write(`${(error as Error)?.stack}\n`)
  return report(kind, exitCode, message)
}

/** For programs. Of a `--json` that npm kept, npm itself makes the document. */
function report(kind: FailureKind, exitCode: number, message: string): number {
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ error: { kind, exitCode, message } }, null, 2)}\n`)
  }
  return exitCode
}
