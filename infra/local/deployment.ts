import * as pulumi from '@pulumi/pulumi'
import type { Deployment, DeploymentArgs } from '../deployment.ts'
import type { OllamaPool, Outputs } from '../outputs.ts'
import { Process } from '../resources.ts'
import { chromaProcess } from './chroma.ts'
import { ollamaProcess } from './ollama.ts'
import { localPaths } from './paths.ts'

/**
 * The deployment as processes on this machine. Memory limits of the plan are not enforced here: a process
 * without a cgroup of its own cannot be held to them.
 */
export class LocalDeployment extends pulumi.ComponentResource implements Deployment {
  readonly chroma: Outputs['chroma']['instances']
  readonly ollama: [OllamaPool, ...OllamaPool[]]
  readonly identities: pulumi.Output<string>[]

  constructor(name: string, args: DeploymentArgs, options: pulumi.ComponentResourceOptions = {}) {
    super('knowledge:local:Deployment', name, {}, options)
    const { settings } = args
    const paths = localPaths(settings.home)

    const chroma = Array.from({ length: settings.chroma.instances }, (_, index) => ({
      process: new Process(`${name}-chroma-${index}`, chromaProcess(settings, index), {
        parent: this,
        deleteBeforeReplace: true,
      }),
      url: loopback(settings.chroma.port + index),
    }))
    const ollama = new Process(`${name}-ollama`, ollamaProcess(settings), {
      parent: this,
      deleteBeforeReplace: true,
    })

    this.chroma = chroma.map(
      ({ url }) => ({ reach: { kind: 'direct', url } }) as const,
    ) as Outputs['chroma']['instances']
    this.ollama = [
      {
        pool: 'local',
        reach: { kind: 'direct', url: loopback(settings.ollama.port) },
        modelsFolder: paths.models,
      },
    ]
    this.identities = [...chroma.map(({ process }) => process.identity), ollama.identity]
    this.registerOutputs({ identities: this.identities })
  }
}

const loopback = (port: number): string => `http://127.0.0.1:${port}`
