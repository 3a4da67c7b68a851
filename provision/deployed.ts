import { Failure } from '../infra/failure.ts'
import { Outputs } from '../infra/outputs.ts'
import { readStackFile } from '../infra/settings-file.ts'
import type { StackOptions } from './commands/command.ts'
import { Engine } from './engine/engine.ts'
import type { Steps } from './steps.ts'
import { obtainToolchain } from './toolchain-step.ts'

/**
 * The outputs of a stack that has been deployed.
 * @throws Failure `unavailable` when it has not
 */
export async function deployedOutputs(options: StackOptions, steps: Steps): Promise<Outputs> {
  const stack = await readStackFile(options.stack, options.configFile)
  const { pulumi } = await obtainToolchain({}, steps, ['pulumi'])
  const engine = await Engine.open(stack, pulumi)
  const outputs = Outputs.safeParse(
    await steps.run(
      'outputs',
      task => engine.outputs(task),
      () => 'read',
    ),
  )
  if (outputs.success) return outputs.data
  throw new Failure(
    'unavailable',
    `Stack ${options.stack} is not deployed, or its deployment was never finished`,
    {
      mend: `npm run up -- --stack ${options.stack}`,
    },
  )
}
