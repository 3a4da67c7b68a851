import { Command, CommanderError, Option } from 'commander'
import { EXIT_CODES, Failure, reasonOf } from '../infra/failure.ts'
import type { CommandSpec, Outcome } from './commands/command.ts'
import { useEnvironment } from './egress/use-environment.ts'
import { Steps } from './steps.ts'

// biome-ignore lint/suspicious/noExplicitAny: each command types the options that its own flags make
type AnyCommand = CommandSpec<any>

/** Only what is run is loaded: some commands bring a whole HTTP server along. */
const COMMANDS: Record<string, () => Promise<AnyCommand>> = {
  up: async () => (await import('./commands/up.ts')).up,
  plan: async () => (await import('./commands/plan.ts')).plan,
  preview: async () => (await import('./commands/preview.ts')).preview,
  render: async () => (await import('./commands/render.ts')).render,
  down: async () => (await import('./commands/down.ts')).down,
  status: async () => (await import('./commands/status.ts')).status,
  models: async () => (await import('./commands/models.ts')).models,
  images: async () => (await import('./commands/images.ts')).images,
  mirror: async () => (await import('./commands/mirror.ts')).mirror,
  verify: async () => (await import('./commands/verify.ts')).verify,
  api: async () => (await import('./commands/api.ts')).api,
  token: async () => (await import('./commands/token.ts')).token,
}

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => stop.abort(new Failure('interrupted', `Interrupted by ${signal}`)))
}

/** The one place that catches, prints and exits. */
try {
  await useEnvironment()
  const named = COMMANDS[process.argv[2] ?? '']
  const wanted = named === undefined ? Object.values(COMMANDS) : [named]
  await commandLine(await Promise.all(wanted.map(load => load()))).parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}

function commandLine(specs: AnyCommand[]): Command {
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
