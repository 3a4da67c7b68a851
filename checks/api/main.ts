import { EXIT_CODES, Failure, reasonOf } from '../../infra/failure.ts'
import { readApiConfig } from './api-environment.ts'
import { startApi } from './start.ts'

/** The API as a process of its own: started with an environment (environment.ts), stopped with a signal. */
try {
  const api = await startApi(await readApiConfig(process.env))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, api.stop)
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`)
  process.exitCode = error instanceof Failure ? error.exitCode : EXIT_CODES.unavailable
}
