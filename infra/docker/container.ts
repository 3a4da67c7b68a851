import * as docker from '@pulumi/docker'
import type * as pulumi from '@pulumi/pulumi'
import { LOG_FILES, LOG_SIZE } from '../local/log-bounds.ts'
import { MiB } from '../units.ts'
import { labelsOf } from './docker-names.ts'

/** What the containers of a stack are made of. */
export interface StackContext {
  stack: string
  /** Id of the stack's owner. */
  owner: pulumi.Input<string>
  network: docker.Network
  options: pulumi.CustomResourceOptions
}

/** A container's own: what it is named, what it runs, and how its health is known. */
export type ContainerPart = Omit<docker.ContainerArgs, 'name' | 'labels'> & {
  part: string
  image: pulumi.Input<string>
  healthcheck: NonNullable<docker.ContainerArgs['healthcheck']>
}

/** Seconds a container has to become healthy before the update fails. */
const HEALTHY_WITHIN = 180

/**
 * A container of the stack: hardened, started again when it dies, and logging no more than the disk can take.
 * Old and new would want the same port or the same data, so the old one goes first.
 */
export function container(
  { stack, owner, options }: StackContext,
  { part, ...args }: ContainerPart,
): docker.Container {
  return new docker.Container(
    `${stack}-${part}`,
    {
      // tini is the first process: it hands signals on, and buries what is left over.
      init: true,
      restart: 'unless-stopped',
      capabilities: { drops: ['ALL'] },
      securityOpts: ['no-new-privileges:true'],
      logDriver: 'json-file',
      logOpts: { 'max-size': `${LOG_SIZE / MiB}m`, 'max-file': `${LOG_FILES}` },
      wait: true,
      waitTimeout: HEALTHY_WITHIN,
      ...args,
      labels: labelsOf(stack, owner, part),
    },
    { ...options, deleteBeforeReplace: true },
  )
}
