import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PROJECT_ROOT } from '../../infra/project.ts'
import { environmentOf, parentOf } from '../process-identity.mjs'

/** The options that npm kept, by their names with `_` for `-`, each with its values in order. */
export type KeptOptions = ReadonlyMap<string, string[]>

export interface NpmRun {
  /** What npm gave the script. */
  environment: NodeJS.ProcessEnv
  /** What npm itself was started with; undefined where the system does not tell. */
  outer: NodeJS.ProcessEnv | undefined
  /** The texts of npm's own configuration files. */
  configurations: string[]
}

const PREFIX = 'npm_config_'
/** What npm tells every script about itself, and `loglevel`, which is how `-s` arrives. */
const NPMS_OWN = new Set(
  'cache global_prefix globalconfig init_module local_prefix loglevel node_gyp noproxy npm_version prefix user_agent userconfig'.split(
    ' ',
  ),
)

/**
 * npm takes every option before `--` as a setting of its own, whether it knows it or not, and hands it to the script
 * as a variable of the environment (seen with npm 10 and 11): `npm run down --stack=prod` takes down another stack.
 * @returns undefined unless npm has started this command, and not a script that came to run it
 */
export function readNpmRun(command: string): NpmRun | undefined {
  const environment = process.env
  if (!isRunBy(environment, command)) return undefined
  const { npm_config_local_prefix: project = '', npm_execpath: npm = '' } = environment
  const files = [
    environment.npm_config_userconfig ?? '',
    environment.npm_config_globalconfig ?? '',
    join(project, '.npmrc'),
    join(dirname(dirname(npm)), 'npmrc'),
  ]
  return {
    environment,
    outer: outerEnvironment(command),
    configurations: files.filter(existsSync).map(file => readFileSync(file, 'utf8')),
  }
}

/** The options of npm's command line: what its own environment or a configuration file says was not typed. */
export function keptOptions({ environment, outer = {}, configurations }: NpmRun): KeptOptions {
  const inherited = new Set(Object.keys(outer).map(key => normal(key.toLowerCase())))
  const configured = new Set(configurations.flatMap(keysOf))
  return new Map(
    Object.entries(environment)
      .filter(([key, value]) => key.startsWith(PREFIX) && value)
      .filter(([key]) => !inherited.has(normal(key)))
      .map(([key, value]) => [key.slice(PREFIX.length), value!.split('\n\n')] as const)
      .filter(([name]) => !NPMS_OWN.has(name) && !configured.has(name)),
  )
}

const isRunBy = (environment: NodeJS.ProcessEnv, command: string): boolean =>
  environment.npm_lifecycle_event === command &&
  environment.npm_package_json === join(PROJECT_ROOT, 'package.json') &&
  environment.npm_config_user_agent?.startsWith('npm/') === true

/** The environment of the nearest ancestor that the script's own did not come to yet: npm's. */
function outerEnvironment(command: string): NodeJS.ProcessEnv | undefined {
  for (let pid = parentOf(process.pid); pid !== undefined; pid = parentOf(pid)) {
    const environment = environmentOf(pid)
    if (environment === undefined || !isRunBy(environment, command)) return environment
  }
  return undefined
}

/** The keys that a configuration file sets, which is in the form of INI. */
const keysOf = (text: string): string[] =>
  [...text.matchAll(/^\s*([\w-]+)(?:\[\])?\s*(?:=|$)/gm)].map(([, key]) => normal(key!))

const normal = (key: string): string => key.replaceAll('-', '_')
