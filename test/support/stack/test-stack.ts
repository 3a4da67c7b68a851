import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { COMMAND_ARGUMENTS } from '../../../infra/node-arguments.mjs'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { localPaths } from '../../../infra/settings/home-paths.ts'
import { readProcessRecord } from '../../../provision/processes/process-record.ts'
import { stopProcess } from '../../../provision/processes/stop-process.ts'
import { freePort } from '../servers/ports.ts'

/** What a command of the command line left behind. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunningCommand {
  child: ChildProcess
  /** Resolves when standard error has said it. */
  said(pattern: RegExp): Promise<void>
  ended: Promise<Ended>
}

/** A stack of the local target with free ports and a folder of its own, driven through the real command line. */
export class TestStack {
  readonly folder: string
  readonly home: string
  readonly config: Record<string, unknown>
  /** The environment of its commands: no backend of the user's, and Pulumi's own files in the folder. */
  readonly env: NodeJS.ProcessEnv
  /** The project's files whose commands it runs: these here, or those of another version. */
  project = PROJECT_ROOT

  private constructor(folder: string, config: Record<string, unknown>) {
    this.folder = folder
    this.home = String(config.home)
    this.config = config
    this.env = {
      ...process.env,
      PULUMI_HOME: join(folder, 'pulumi'),
      PULUMI_BACKEND_URL: undefined,
    }
  }

  get configFile(): string {
    return join(this.folder, 'stack.yaml')
  }

  static async make(settings: Record<string, unknown> = {}): Promise<TestStack> {
    const folder = await mkdtemp(join(tmpdir(), 'knowledge-stack-'))
    return new TestStack(folder, {
      home: join(folder, 'home'),
      chromaPort: await freePort(),
      ollamaPort: await freePort(),
      apiPort: await freePort(),
      embeddingModel: 'all-minilm',
      chatModel: 'smollm2:135m',
      contextLength: 1024,
      ...settings,
    })
  }

  /** Starts `npm run <command>` as the bootstrap does, with this stack's configuration and no backend of the user's. */
  async start(args: string[], env: NodeJS.ProcessEnv = {}): Promise<RunningCommand> {
    const entries = Object.entries(this.config).map(([key, value]) => [
      `knowledge-stack:${key}`,
      value,
    ])
    await writeFile(this.configFile, stringify({ config: Object.fromEntries(entries) }))
    const child = spawn(
      process.execPath,
      [
        ...COMMAND_ARGUMENTS,
        join(this.project, 'provision/cli.ts'),
        ...args,
        '--config-file',
        this.configFile,
      ],
      {
        env: { ...this.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', chunk => {
      stdout += chunk
    })
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    const ended = new Promise<Ended>(resolve => {
      child.on('close', code => resolve({ code, stdout, stderr }))
    })
    const said = async (pattern: RegExp) => {
      while (!pattern.test(stderr)) {
        if (child.exitCode !== null) throw new Error(`ended without saying ${pattern}: ${stderr}`)
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    }
    return { child, said, ended }
  }

  async run(...args: string[]): Promise<Ended> {
    return (await this.start(args)).ended
  }

  /** Runs with `--json` and returns the one document on standard output. */
  async json(...args: string[]) {
    const { code, stdout, stderr } = await this.run(...args, '--json')
    return { code, stderr, document: JSON.parse(stdout) }
  }

  /** pid of a running server by the name of its record: `chroma-0`, `ollama`. */
  pid = (name: string): Promise<number> =>
    recordedPid(join(localPaths(this.home).processes, `${name}.json`))

  /** Ends whatever still runs and deletes the folder. */
  async end(): Promise<void> {
    const { processes, state } = localPaths(this.home)
    const servers = await readdir(processes).catch(() => [])
    for (const file of [
      join(state, 'engine.json'),
      ...servers.map(name => join(processes, name)),
    ]) {
      const record = await readProcessRecord(file)
      if (record !== undefined) await stopProcess(record)
    }
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** pid of the process that a record names. */
export async function recordedPid(file: string): Promise<number> {
  const record = await readProcessRecord(file)
  if (record === undefined || !('pid' in record)) throw new Error(`${file} names no process`)
  return record.pid
}

/** Contents of a log of the stack, for the message of a failed assertion. */
export const readLog = (stack: TestStack, name: string): Promise<string> =>
  readFile(join(localPaths(stack.home).logs, `${name}.log`), 'utf8')
