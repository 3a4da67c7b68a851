import Docker from 'dockerode'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { engineHost } from './docker-host.ts'
import { findEngines } from './docker-sockets.ts'

const INSTALL =
  'install it (docs.docker.com/engine/install) and start it, or say where it is: DOCKER_HOST'

/**
 * Asks the Docker Engine that Pulumi's Docker provider asks.
 * @throws Failure `unavailable` when it is not there, or not for this user
 */
export async function askEngine<Answer>(
  question: (docker: Docker) => Promise<Answer>,
): Promise<Answer> {
  const host = engineHost(process.env)
  try {
    return await question(clientOf(host))
  } catch (error) {
    throw (await unreachable(error, host)) ?? error
  }
}

/** Left to itself, dockerode looks for Docker Desktop's socket, which the provider does not. */
const clientOf = (host: string): Docker =>
  host.startsWith(UNIX)
    ? new Docker({ socketPath: host.slice(UNIX.length), host: '' })
    : new Docker()

const UNIX = 'unix://'

async function unreachable(error: unknown, host: string): Promise<Failure | undefined> {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === undefined) return undefined
  const [what, usually] =
    code === 'EACCES'
      ? [
          `This user may not use the Docker Engine at ${host}`,
          'sudo usermod -aG docker $USER, then log in again',
        ]
      : [`There is no Docker Engine at ${host}: ${code ?? reasonOf(error)}`, INSTALL]
  const others = (await findEngines(process.env)).filter(engine => engine.host !== host)
  const [first] = others
  if (first === undefined) return new Failure('unavailable', what, { mend: usually, cause: error })
  const named = others.map(engine => `${engine.name} at ${engine.host}`).join(', ')
  return new Failure('unavailable', `${what}. What answers on this machine: ${named}`, {
    mend: `DOCKER_HOST=${first.host} ${thisCommand()}`,
    cause: error,
  })
}

/** As it was typed, for it to be typed again. */
function thisCommand(): string {
  const [, program = '', name, ...args] = process.argv
  if (!program.endsWith('/cli.ts')) return 'pulumi up'
  return ['npm run', name, ...(args.length > 0 ? ['--', ...args] : [])].join(' ')
}
