import { Failure } from '../infra/failure.ts'
import { Outputs, Provisioner } from '../infra/outputs.ts'
import { readStackFile } from '../infra/settings/settings-file.ts'
import type { StackOptions } from './commands/command.ts'
import { PulumiEngine } from './pulumi/pulumi-engine.ts'
import type { Steps } from './steps/steps.ts'
import { obtainToolchain } from './steps/toolchain-step.ts'

/**
 * The outputs of a stack that has been deployed.
 * @throws Failure `unavailable` when it has not
 */
export async function deployedOutputs(options: StackOptions, steps: Steps): Promise<Outputs> {
  return (await deployedStack(options, steps)).outputs
}

/** The outputs, and the token of the provisioner, which only those who pull models may ask for. */
export async function deployedStack(
  options: StackOptions,
  steps: Steps,
): Promise<{ outputs: Outputs; token: string | undefined }> {
  const stack = await readStackFile(options.stack, options.configFile)
  const { pulumi } = await obtainToolchain({}, steps, ['pulumi'])
  const engine = await PulumiEngine.open(stack, pulumi)
  const raw = await steps.run(
    'outputs',
    task => engine.outputs(task),
    () => 'read',
  )
  const outputs = Outputs.safeParse(raw)
  const provisioner = Provisioner.safeParse(raw.provisioner).data
  if (outputs.success) return { outputs: outputs.data, token: provisioner?.token }
  throw new Failure(
    'unavailable',
    `Stack ${options.stack} is not deployed, or its deployment was never finished`,
    { mend: `npm run up -- --stack ${options.stack}` },
  )
}
