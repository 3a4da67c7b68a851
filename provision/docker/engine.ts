import Docker from 'dockerode'
import { Failure, reasonOf } from '../../infra/failure.ts'

const DEFAULT = 'unix:///var/run/docker.sock'
const INSTALL =
  'install it (docs.docker.com/engine/install) and start it, or say where it is: DOCKER_HOST'

/** Where the Docker Engine is asked. */
const address = (): string => process.env.DOCKER_HOST || DEFAULT

/**
 * Asks the Docker Engine, which DOCKER_HOST names as it does for Docker's own command line.
 * @throws Failure `unavailable` when it is not there, or not for this user
 */
export async function askEngine<Answer>(
  question: (docker: Docker) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await question(new Docker())
  } catch (error) {
    throw unreachable(error) ?? error
  }
}

/** The status of an answer about what is not there. */
export const GONE = 404

/**
 * A question about something that may not be there.
 * @param absent the statuses that say so
 */
export async function find<Answer>(
  answer: Promise<Answer>,
  absent: readonly number[] = [GONE],
): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    const { statusCode } = error as { statusCode?: number }
    if (statusCode !== undefined && absent.includes(statusCode)) return undefined
    throw error
  }
}

function unreachable(error: unknown): Failure | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === undefined) return undefined
  if (code === 'EACCES') {
    return new Failure('unavailable', `This user may not use the Docker Engine at ${address()}`, {
      mend: 'sudo usermod -aG docker $USER, then log in again',
      cause: error,
    })
  }
  return new Failure(
    'unavailable',
    `There is no Docker Engine at ${address()}: ${code ?? reasonOf(error)}`,
    { mend: INSTALL, cause: error },
  )
}
