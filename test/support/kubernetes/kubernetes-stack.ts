import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  LocalWorkspace,
  PulumiCommand,
  type PulumiFn,
  type Stack,
} from '@pulumi/pulumi/automation/index.js'
import { providerFolder } from '../stack/providers.ts'
import { realTools } from '../toolchain/toolchain.ts'

export interface ProgramStack {
  /** Runs the program's resources on the cluster, as `pulumi up` does. */
  stack: Stack
  /** Another program for the next update. */
  become(program: PulumiFn): void
  /** What Pulumi has written down, as it lies on the disk. */
  state(): Promise<string>
  /** Forgets the stack; what it deployed stays. */
  forget(): Promise<void>
}

/** A stack of a program within the test, on the cluster of a kubeconfig file. */
export async function programStack(kubeconfig: string, program: PulumiFn): Promise<ProgramStack> {
  const folder = await mkdtemp(join(tmpdir(), 'program-stack-'))
  const { pulumi } = await realTools()
  const [bin] = pulumi.binFolders as [string]
  const stack = await LocalWorkspace.createStack(
    { stackName: 'test', projectName: 'program', program },
    {
      workDir: folder,
      pulumiCommand: await PulumiCommand.get({ root: dirname(bin), skipVersionCheck: true }),
      envVars: {
        KUBECONFIG: kubeconfig,
        PATH: [
          providerFolder('kubernetes'),
          ...pulumi.binFolders,
          dirname(process.execPath),
          process.env.PATH,
        ].join(':'),
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_CONFIG_PASSPHRASE: 'a passphrase for this test',
      },
    },
  )
  return {
    stack,
    become(next) {
      stack.workspace.program = next
    },
    state: () => readFile(join(folder, '.pulumi', 'stacks', 'program', 'test.json'), 'utf8'),
    forget: () => rm(folder, { recursive: true, force: true }),
  }
}
