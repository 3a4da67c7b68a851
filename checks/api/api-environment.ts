import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { Outputs } from '../../infra/outputs.ts'
import { API_PORT } from '../../infra/settings/settings-schema.ts'
import { readEnvironment } from '../outputs-source.ts'
import { parseJson } from '../transport/parse-json.ts'
import { readJsonFile } from './auth/json-file.ts'
import { LOG_LEVELS } from './log.ts'
import type { ApiConfig } from './start.ts'
import { LIMITS } from './traffic/limits.ts'

const absentWhenEmpty = z.string().transform(text => text || undefined)

const list = z
  .string()
  .default('')
  .transform(text =>
    text
      .split(',')
      .map(name => name.trim())
      .filter(name => name !== ''),
  )

const Environment = z.object({
  KNOWLEDGE_API_OUTPUTS: absentWhenEmpty.optional(),
  KNOWLEDGE_API_KEYS: absentWhenEmpty.optional(),
  KNOWLEDGE_API_HOST: absentWhenEmpty.optional(),
  KNOWLEDGE_API_HOSTS: list,
  KNOWLEDGE_API_PROXIES: list,
  KNOWLEDGE_API_LOOPBACK: z
    .enum(['true', 'false'])
    .transform(text => text === 'true')
    .optional(),
  KNOWLEDGE_API_PORT: z.coerce.number().int().min(0).max(65_535).default(API_PORT),
  KNOWLEDGE_API_REQUESTS_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .default(LIMITS.requestsPerMinute),
  KNOWLEDGE_API_LOG: z.enum(LOG_LEVELS).default('info'),
  KNOWLEDGE_API_LOGS: z
    .string()
    .default('')
    .transform(text => (text === '' ? [] : parseJson(text)))
    .pipe(z.array(z.string(), 'allowed is a JSON array of paths')),
})

/**
 * The API's configuration. KNOWLEDGE_API_OUTPUTS names the file with the stack's outputs; without it the
 * deployment is the one that CHROMADB_URL and OLLAMA_URL describe (../target.ts). KNOWLEDGE_API_KEYS names the file
 * of keys: the keys themselves are never in an environment or on a command line, which other users may see.
 * KNOWLEDGE_API_LOGS names log files to keep bounded (logs.ts), as a JSON array.
 * @throws Failure `misused` with variable, value and what is allowed
 */
export async function readApiConfig(env: NodeJS.ProcessEnv): Promise<ApiConfig> {
  const own = parseEnvironment(env)
  return {
    ...callersOf(own),
    outputs: await readOutputs(own.KNOWLEDGE_API_OUTPUTS, env),
    keyFile: own.KNOWLEDGE_API_KEYS,
    host: own.KNOWLEDGE_API_HOST,
    onLoopback: own.KNOWLEDGE_API_LOOPBACK,
    port: own.KNOWLEDGE_API_PORT,
    logLevel: own.KNOWLEDGE_API_LOG,
    boundedLogs: own.KNOWLEDGE_API_LOGS,
  }
}

/**
 * What an environment says of who calls the API and how much they may ask, for an API that is started otherwise.
 * @throws Failure as readApiConfig
 */
export const readCallers = (env: NodeJS.ProcessEnv): Callers => callersOf(parseEnvironment(env))

type Callers = Required<Pick<ApiConfig, 'hosts' | 'proxies' | 'limits'>>

const callersOf = (own: z.infer<typeof Environment>): Callers => ({
  hosts: own.KNOWLEDGE_API_HOSTS,
  proxies: own.KNOWLEDGE_API_PROXIES,
  limits: { ...LIMITS, requestsPerMinute: own.KNOWLEDGE_API_REQUESTS_PER_MINUTE },
})

function parseEnvironment(env: NodeJS.ProcessEnv): z.infer<typeof Environment> {
  const parsed = Environment.safeParse(env)
  if (parsed.success) return parsed.data
  const lines = parsed.error.issues.map(({ path, message }) => {
    const name = String(path[0])
    return `${name} is ${JSON.stringify(env[name])}: ${message}`
  })
  throw new Failure('misused', lines.join('\n'))
}

async function readOutputs(file: string | undefined, env: NodeJS.ProcessEnv): Promise<Outputs> {
  if (file === undefined) {
    const described = readEnvironment(env)
    if (described !== undefined) return described
    throw new Failure('misused', 'No deployment is named', {
      mend: 'set KNOWLEDGE_API_OUTPUTS to the file of its outputs, or CHROMADB_URL and OLLAMA_URL',
    })
  }
  const mend = 'write it anew: npm run up'
  const outputs = Outputs.safeParse(
    await readJsonFile('The file of KNOWLEDGE_API_OUTPUTS', file, mend),
  )
  if (outputs.success) return outputs.data
  throw new Failure(
    'misused',
    `KNOWLEDGE_API_OUTPUTS is ${file}, which holds no outputs of a stack: ${z.prettifyError(outputs.error)}`,
    { mend },
  )
}
