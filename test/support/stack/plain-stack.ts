import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { LocalWorkspace, PulumiCommand, type Stack } from '@pulumi/pulumi/automation/index.js'
import { parse, stringify } from 'yaml'
import { PROJECT, PROJECT_ROOT } from '../../../infra/project.ts'
import { realTools } from '../toolchain/toolchain.ts'

export interface PlainStack {
  stack: Stack
  folder: string
  /** Has the next update be by the files of this project or another version of it. @param root their folder */
  use(root: string): Promise<void>
  /** Changes the stack's configuration. */
  configure(settings: Record<string, unknown>): Promise<void>
  /** Removes the folder; what was deployed stays. */
  forget(): Promise<void>
}

const STACK = 'plain'
/** Of the project: what plain Pulumi runs. */
const FILES = ['Pulumi.yaml', 'package.json', 'infra', 'provision', 'checks', 'node_modules']

/**
 * The project under plain Pulumi, without the project's scripts: a file backend, a passphrase, and a project folder
 * of its own.
 * @param env beyond the engine's own
 * @param path folders before all others on the engine's PATH
 */
export async function plainStack(
  env: Record<string, string> = {},
  path: readonly string[] = [],
): Promise<PlainStack> {
  const folder = await mkdtemp(join(tmpdir(), 'plain-pulumi-'))
  // The engine writes its salt into the stack's file beside Pulumi.yaml: not into the checkout's.
  const use = async (root: string) => {
    for (const name of FILES) {
      await rm(join(folder, name), { force: true })
      await symlink(join(root, name), join(folder, name))
    }
    // The language host that is built here is older than the engine, and does not take runtime.options from it.
    const { runtime } = parse(await readFile(join(root, 'Pulumi.yaml'), 'utf8'))
    return { NODE_OPTIONS: runtime.options.nodeargs ?? '' }
  }
  const options = await use(PROJECT_ROOT)
  await mkdir(join(folder, 'state'))
  const { pulumi } = await realTools()
  const [bin] = pulumi.binFolders as [string]
  const stack = await LocalWorkspace.createStack(
    { stackName: STACK, workDir: folder },
    {
      pulumiCommand: await PulumiCommand.get({ root: dirname(bin), skipVersionCheck: true }),
      envVars: {
        ...options,
        PATH: [...path, ...pulumi.binFolders, dirname(process.execPath), process.env.PATH].join(
          ':',
        ),
        PULUMI_BACKEND_URL: `file://${folder}/state`,
        PULUMI_CONFIG_PASSPHRASE: 'a passphrase for this test',
        ...env,
      },
    },
  )
  return {
    stack,
    folder,
    async use(root) {
      Object.assign(stack.workspace.envVars, await use(root))
    },
    async configure(settings) {
      // Into the file: the engine's own command takes a setting apart that is an object.
      const file = join(folder, `Pulumi.${STACK}.yaml`)
      const { config = {}, ...rest } = parse(await readFile(file, 'utf8').catch(() => '{}'))
      for (const [key, value] of Object.entries({ home: join(folder, 'home'), ...settings })) {
        config[`${PROJECT}:${key}`] = value
      }
      await writeFile(file, stringify({ ...rest, config }))
    },
    forget: () => rm(folder, { recursive: true, force: true }),
  }
}
