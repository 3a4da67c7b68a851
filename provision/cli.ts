import { Command, CommanderError, Option } from 'commander'
import { EXIT_CODES, Failure, reasonOf } from '../infra/failure.ts'
import { api } from './commands/api.ts'
import type { CommandSpec, Outcome } from './commands/command.ts'
import { down } from './commands/down.ts'
import { mirror } from './commands/mirror.ts'
import { models } from './commands/models.ts'
import { plan } from './commands/plan.ts'
import { preview } from './commands/preview.ts'
import { status } from './commands/status.ts'
import { token } from './commands/token.ts'
import { up } from './commands/up.ts'
import { verify } from './commands/verify.ts'
import { Steps } from './steps.ts'

// biome-ignore lint/suspicious/noExplicitAny: each command types the options that its own flags make
const COMMANDS: CommandSpec<any>[] = [
  up,
  plan,
  preview,
  down,
  status,
  models,
  mirror,
  verify,
  api,
  token,
]

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => stop.abort(new Failure('interrupted', `Interrupted by ${signal}`)))
}

/** The one place that catches, prints and exits. */
try {
  await commandLine(COMMANDS).parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function commandLine(specs: CommandSpec<any>[]): Command {
  const program = new Command('npm run').exitOverride().description('knowledge-stack')
  for (const spec of specs) {
    const command = program.command(spec.name).description(spec.description).exitOverride()
    for (const flag of spec.options) {
      const option = new Option(flag.flags, flag.description)
        .default(flag.default)
        .makeOptionMandatory(flag.required ?? false)
      command.addOption(flag.parse === undefined ? option : option.argParser(flag.parse))
    }
    command.option('--json', 'one JSON document on standard output, all else on standard error')
    command.action(async options => {
      const context = { steps: new Steps(stop.signal), signal: stop.signal }
      print(await spec.run(options, context), options.json)
    })
  }
  return program
}

function print({ text, document, exitCode = 0 }: Outcome, json: boolean): void {
  process.stdout.write(`${json ? JSON.stringify(document, null, 2) : text}\n`)
  process.exitCode = exitCode
}

function explain(error: unknown): number {
  // Commander has printed its own message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.misused
  const failure = stop.signal.aborted ? (stop.signal.reason as Failure) : error
  const [kind, exitCode] =
    failure instanceof Failure
      ? [failure.kind, failure.exitCode]
      : (['unavailable', EXIT_CODES.unavailable] as const)
  const message = reasonOf(failure)
  process.stderr.write(`${message}\n`)
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ error: { kind, exitCode, message } }, null, 2)}\n`)
  }
  // For a defect of ours: where it came from is for those who ask.
  if (process.env.KNOWLEDGE_STACK_DEBUG) process.stderr.write(`${(error as Error)?.stack}\n`)
  return exitCode
}
