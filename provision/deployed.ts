import { readEnvironment } from '../checks/outputs-source.ts'
import { Failure } from '../infra/failure.ts'
import { Outputs, Provisioner } from '../infra/outputs.ts'
import type { Settings } from '../infra/settings/parse-settings.ts'
import type { StackFile } from '../infra/settings/settings-file.ts'
import type { StackOptions } from './commands/command.ts'
import { PulumiEngine } from './pulumi/pulumi-engine.ts'
import { openStackFile } from './read-models.ts'
import type { Steps } from './steps/steps.ts'
import { obtainToolchain } from './steps/toolchain-step.ts'

interface Deployed {
  outputs: Outputs
  /** Of the provisioner, which only those who pull models may ask for. */
  token: string | undefined
}

/**
 * What a command is to work with: the stack that it names, else the deployment that the environment variables name, else
 * the stack dev.
 * @returns without settings where this project did not deploy it
 * @throws Failure as deployedFrom does
 */
export async function chosenDeployment(
  options: Partial<StackOptions>,
  steps: Steps,
): Promise<{ outputs: Outputs; settings?: Settings }> {
  const named = options.stack === undefined ? readEnvironment(process.env) : undefined
  if (named !== undefined) return { outputs: named }
  return deployedStack({ ...options, stack: options.stack ?? 'dev' }, steps)
}

/** A stack that has been deployed, by its name. @throws Failure as deployedFrom does */
export async function deployedStack(
  { stack: name, configFile }: StackOptions,
  steps: Steps,
): Promise<Deployed & { settings: Settings }> {
  const stack = await openStackFile(name, configFile)
  return { settings: stack.settings, ...(await deployedFrom(stack, steps)) }
}

/**
 * What a stack's file was deployed as.
 * @throws Failure `unavailable` when it was not
 */
export async function deployedFrom(stack: StackFile, steps: Steps): Promise<Deployed> {
  const deployed = await findDeployed(stack, steps)
  if (deployed !== undefined) return deployed
  const { stack: name } = stack.settings
  throw new Failure(
    'unavailable',
    `Stack ${name} is not deployed, or its deployment was never finished`,
    { mend: `npm run up -- --stack ${name}` },
  )
}

/** The same; undefined when it was not. */
export async function findDeployed(stack: StackFile, steps: Steps): Promise<Deployed | undefined> {
  const { pulumi } = await obtainToolchain({}, steps, ['pulumi'])
  const engine = await PulumiEngine.open(stack, pulumi)
  const raw = await steps.run(
    'outputs',
    task => engine.outputs(task),
    () => 'read',
  )
  const outputs = Outputs.safeParse(raw)
  const provisioner = Provisioner.safeParse(raw.provisioner).data
  return outputs.success ? { outputs: outputs.data, token: provisioner?.token } : undefined
}
