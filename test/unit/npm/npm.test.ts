import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Option } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import packageJson from '../../../package.json' with { type: 'json' }
import { COMMANDS } from '../../../provision/commands/all-commands.ts'
import { keptOptions } from '../../../provision/npm/kept-options.ts'
import { refusalOf } from '../../../provision/npm/right-line.ts'

const SCRIPTS = Object.entries(packageJson.scripts)
  .filter(([name, script]) => script === `node provision/bootstrap.mjs ${name}`)
  .map(([name]) => name)

/** As from a shell, and not from the script of npm that runs this suite. */
const SHELL = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => !key.toLowerCase().startsWith('npm_')),
)

describe('an option before the --, by the real npm', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'npm-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is refused, whichever command and option it is, with the line that is meant', async () => {
    const specs = await Promise.all(SCRIPTS.map(name => COMMANDS[name]!()))
    expect(specs.length).toBeGreaterThan(10)
    const told = specs.map(spec => ({
      ...spec,
      options: spec.options.filter(({ hidden }) => !hidden),
    }))
    const all = new Set(told.flatMap(({ options }) => options.map(({ flags }) => filled(flags))))
    const { stdout } = await npm(['run', '-s', 'show', ...all], {}, await environmentShower())
    const kept = keptOptions({ environment: JSON.parse(stdout), outer: SHELL, configurations: [] })
    for (const { name, options } of told) {
      const made = options.map(({ flags }) => new Option(flags))
      const line = { args: [], operands: [], unknownToNpm: [], silent: false }
      const refusal = refusalOf({ ...line, command: name, options: made, kept })
      const flags = options.map(({ flags }) => filled(flags).replace('=', ' '))
      expect(refusal?.mend).toBe(`npm run ${name} -- ${flags.join(' ')}`)
    }
  })

  /** A package whose script prints its environment. */
  async function environmentShower(): Promise<string> {
    const show = 'node -e "console.log(JSON.stringify(process.env))"'
    await writeFile(join(folder, 'package.json'), JSON.stringify({ scripts: { show } }))
    return folder
  }

  it('is refused when its value stands apart, and when no command has it', async () => {
    const [apart, unknown] = await Promise.all([
      npm(['run', 'status', '--stack', 'prod']),
      npm(['run', 'status', '--stak=prod']),
    ])
    expect(apart).toMatchObject({ code: 2, stderr: expect.stringContaining('-- --stack prod\n') })
    expect(unknown.stderr).toContain('status has no option --stak')
    expect(unknown.code).toBe(2)
  })

  it('is told in one JSON document when it is --json, which is npm’s own', async () => {
    const { code, stdout, stderr } = await npm(['run', '-s', 'status', '--json'])
    expect(stderr).toContain('npm run -s status -- --json')
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 2 } })
  })

  it('is not seen in a setting of npm, nor in what the environment brings along', async () => {
    const userconfig = join(folder, 'npmrc')
    await writeFile(userconfig, 'json=true\nread-only=true\nstack=prod\n')
    // A refusal for another reason: the command has run.
    const stack = ['--', '--stack', 'none']
    const configured = npm(['run', '-s', 'verify', ...stack], { npm_config_userconfig: userconfig })
    const inherited = npm(['run', '-s', 'verify', ...stack], {
      npm_config_read_only: 'true',
      npm_config_jsn: 'true',
      NPM_CONFIG_DEEP: 'true',
      npm_lifecycle_event: 'verify',
    })
    for (const { stderr } of await Promise.all([configured, inherited])) {
      expect(stderr).toContain('Pulumi.none.yaml')
    }
  })
})

/** `--stack <name>` with a value. */
const filled = (flags: string): string => flags.replace(/ <.*/, '=value')

function npm(args: string[], env: NodeJS.ProcessEnv = {}, cwd = PROJECT_ROOT) {
  return new Promise<{ code: number; stdout: string; stderr: string }>(resolve => {
    const options = { cwd, env: { ...SHELL, ...env } }
    execFile('npm', args, options, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}
