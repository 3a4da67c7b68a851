import * as pulumi from '@pulumi/pulumi'
import { leaveToDeploy } from '../provision/plan/plan.ts'
import { markedText } from './failure.ts'
import { deploy } from './program.ts'
import { PROJECT } from './project.ts'

const prefix = `${PROJECT}:`
const configured = Object.fromEntries(
  Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value]),
)

// The engine shows a RunError by its message alone, any other with a stack trace.
const deployed = await deploy(pulumi.getStack(), configured, leaveToDeploy).catch(error => {
  throw new pulumi.RunError(markedText(error))
})

export const { stack, target, chroma, ollama, api, models } = deployed.outputs
export const { report, provisioner } = deployed
