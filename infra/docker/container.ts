import * as docker from '@pulumi/docker'
import * as pulumi from '@pulumi/pulumi'
import { PROXY_VARIABLE } from '../egress/pull-environment.ts'
import { LOG_FILES, LOG_SIZE } from '../local/log-bounds.ts'
import type { EntryScript, ServerSpec } from '../servers/server-spec.ts'
import { MiB } from '../units.ts'
import { limitsOf, REPLACED_WITH } from './container-limits.ts'
import { containerLabels } from './docker-names.ts'

/** What the containers of a stack are made of. */
export interface StackContext {
  stack: string
  /** Id of the stack's owner. */
  owner: pulumi.Input<string>
  network: docker.Network
  options: pulumi.CustomResourceOptions
}

/** What a container has beyond its server's description: what only Docker knows, and how its health is known. */
export type OwnArgs = Omit<docker.ContainerArgs, 'name' | 'labels' | 'image'> & {
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
  part: string,
  server: ServerSpec,
  own: OwnArgs,
): docker.Container {
  const { image, grace } = server
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
      image,
      ...commandOf(server),
      ...environmentOf(server),
      ...filesOf(server),
      ...(grace !== undefined && { stopTimeout: grace, destroyGraceSeconds: grace }),
      ...limitsOf(server.share?.limits),
      ...own,
      labels: containerLabels(stack, owner, part),
    },
    { ...options, deleteBeforeReplace: true, replaceOnChanges: REPLACED_WITH },
  )
}

const scriptFile = ({ name }: EntryScript): string => `/${name}.sh`

function commandOf({ script, command, args }: ServerSpec) {
  if (script) return { entrypoints: ['/bin/sh', scriptFile(script), ...script.args], command: args }
  if (command) return { entrypoints: command.slice(0, 1), command: command.slice(1) }
  return { command: args }
}

function environmentOf({ environment, files = [] }: ServerSpec) {
  if (environment === undefined) return {}
  const paths = files.flatMap(({ path, variable }) => (variable ? [`${variable}=${path}`] : []))
  const envs = [...paths, ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)]
  // Who may inspect containers sees them all the same: that is root on the machine in any case.
  return { envs: PROXY_VARIABLE in environment ? pulumi.secret(envs) : envs }
}

function filesOf({ script, files = [], user }: ServerSpec) {
  const all = [...files, ...(script ? [{ path: scriptFile(script), content: script.text }] : [])]
  const owned = user !== undefined && { owner: user, permissions: '0400' }
  const uploads = all.map(({ path, content }) => ({ file: path, content, ...owned }))
  return {
    ...(user !== undefined && { user: `${user}:${user}` }),
    // The Engine puts no file into a root that cannot be written.
    ...(uploads.length > 0 ? { uploads } : { readOnly: true }),
  }
}
