import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'

const DEFAULT_HOST = 'unix:///var/run/docker.sock'

/** What Docker calls the engine that no context names. */
const DEFAULT_CONTEXT = 'default'

const Configuration = z.object({ currentContext: z.string().optional() })
const Context = z.object({ Endpoints: z.object({ docker: z.object({ Host: z.string() }) }) })

/**
 * Has this process and those that it starts ask the Engine that Docker's own command line would ask: DOCKER_HOST, else
 * the context of DOCKER_CONTEXT, else the current one. Pulumi's Docker provider does not know the current one, and
 * lets DOCKER_CONTEXT go before DOCKER_HOST; given DOCKER_HOST alone, both ask the same.
 */
export function followDocker(env: NodeJS.ProcessEnv): void {
  if (env.DOCKER_HOST) delete env.DOCKER_CONTEXT
  else env.DOCKER_CONTEXT ||= currentContext(env)
  try {
    engineHost(env)
  } catch (error) {
    // Stacks that need no Docker do not mind; those that do are told when they ask.
    if (!(error instanceof Failure)) throw error
  }
}

/**
 * Where Pulumi's Docker provider asks. A context is put into the variables that say the same.
 * @returns as DOCKER_HOST has it
 * @throws Failure `misused` for a context that is not there
 */
export function engineHost(env: NodeJS.ProcessEnv): string {
  const { DOCKER_CONTEXT: name = DEFAULT_CONTEXT } = env
  if (name !== '' && name !== DEFAULT_CONTEXT) {
    Object.assign(env, variablesOf(name, env))
  }
  delete env.DOCKER_CONTEXT
  return env.DOCKER_HOST || DEFAULT_HOST
}

function variablesOf(name: string, env: NodeJS.ProcessEnv) {
  const id = createHash('sha256').update(name).digest('hex')
  const folder = join(configurationFolder(env), 'contexts')
  const context = read(join(folder, 'meta', id, 'meta.json'), Context)
  if (context === undefined) {
    throw new Failure('misused', `The Docker context ${name} is not in ${folder}`, {
      mend: 'see which there are: docker context ls; then: docker context use <name>, or unset DOCKER_CONTEXT',
    })
  }
  const certificates = join(folder, 'tls', id, 'docker')
  return {
    DOCKER_HOST: context.Endpoints.docker.Host,
    ...(existsSync(certificates) && { DOCKER_CERT_PATH: certificates, DOCKER_TLS_VERIFY: '1' }),
  }
}

const currentContext = (env: NodeJS.ProcessEnv): string =>
  read(join(configurationFolder(env), 'config.json'), Configuration)?.currentContext ||
  DEFAULT_CONTEXT

/** Docker's own, of this user. */
export const configurationFolder = (env: NodeJS.ProcessEnv): string =>
  env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker')

function read<Content>(file: string, schema: z.ZodType<Content>): Content | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}
