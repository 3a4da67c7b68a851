import * as pulumi from '@pulumi/pulumi'
import type { Place } from './local/local-servers.ts'
import type { Outputs } from './outputs.ts'
import type { Layout } from './ownership/data-layout.ts'
import type { Owner } from './ownership/owner.ts'
import type { ModelDefinition, ModelMirror } from './settings/model-definition.ts'
import type { ServerVersion } from './settings/server-version.ts'
import type { Millis } from './units.ts'

/**
 * The resources of the project's own provider, as the program sees them. What they do is in
 * provision/provider, one file each.
 */

/**
 * Has the engine start the provider, and the provider load what it is made of. Without being asked the engine waits
 * for the first resource, and that for the plan.
 */
export function startProvider(): void {
  // One that cannot be started fails the first resource, with the reason.
  pulumi.runtime.invoke('knowledge:index:start', {}).catch(() => undefined)
}

/** @param results the properties that only the provider knows, once it has done its work */
abstract class OwnResource extends pulumi.CustomResource {
  constructor(
    kind: string,
    name: string,
    args: object,
    results: readonly string[],
    options?: pulumi.CustomResourceOptions,
  ) {
    const unknown = Object.fromEntries(results.map(key => [key, undefined]))
    super(`knowledge:index:${kind}`, name, { ...args, ...unknown }, options)
  }
}

/** A server that runs as a process on this machine, outlives the update and is found again by a refresh. */
export interface ProcessArgs extends Place {
  arguments: string[]
  environment: Record<string, string>
  /** Files written before the start, by absolute path; folders are made. */
  files: Record<string, string>
  /** Folders made before the start. */
  folders: string[]
  /** Key file that is made before the start when it is not there; what it holds never comes into the state. */
  keyFile?: string
  /** Version of the program, where the stack's settings say one. */
  toolVersion?: string
  /** Path that answers 200 when the server is ready. */
  readyPath: string
  readyWithin: Millis
}

/** The arguments as a program gives them: what files hold may be known only later, and the environment be a secret. */
export interface ProcessInputs extends Omit<ProcessArgs, 'files' | 'environment'> {
  files: Record<string, pulumi.Input<string>>
  environment: pulumi.Input<Record<string, string>>
}

export interface ProcessState extends ProcessArgs {
  pid: number
  /** Tells this process from a later one with the same pid. */
  identity: string
  /** The version that runs, as the toolchain knows it. */
  version: string
}

export class Process extends OwnResource {
  declare readonly identity: pulumi.Output<string>

  constructor(name: string, args: ProcessInputs, options: pulumi.CustomResourceOptions) {
    super('Process', name, args, ['pid', 'identity', 'version'], options)
  }
}

/** Whose the stack's things are. It comes first: what carries its id can be made only once the state has it. */
export interface OwnerArgs extends Omit<Owner, 'id'> {
  /** The id; `id` is a word of Pulumi's. */
  owner: string
  /** The folder that says whose it is. */
  home: string
}

export class OwnerRecord extends OwnResource {
  declare readonly owner: pulumi.Output<string>

  constructor(name: string, args: OwnerArgs, options: pulumi.CustomResourceOptions = {}) {
    super('Owner', name, args, [], options)
  }
}

/** How the data is laid out, written down once there is some; see layout.ts. */
export interface LayoutArgs {
  file: string
  layout: Layout
}

export class LayoutRecord extends OwnResource {
  constructor(name: string, args: LayoutArgs, options: pulumi.CustomResourceOptions) {
    super('Layout', name, args, [], options)
  }
}

/** Which Chroma or Ollama the stack was deployed with: a newer default does not change that. */
export interface VersionArgs extends ServerVersion {
  file: string
}

/** Its type in the state is from when Ollama alone had one. */
export class VersionRecord extends OwnResource {
  constructor(name: string, args: VersionArgs, options: pulumi.CustomResourceOptions) {
    super('OllamaRecord', name, args, [], options)
  }
}

/** Where a stack's secrets lie on this machine. */
export interface SecretFiles {
  /** The tokens of the auth proxies, by what they let in to. */
  tokens: string
  /** The keys that the API's tokens are signed with. */
  apiKeys: string
}

export interface MadeSecrets {
  /** Hexadecimal. `ollama` is the application's, `provisioner` lets do the rest with Ollama. */
  tokens: { chroma: string; ollama: string; provisioner: string }
  /** The content of the key file. */
  apiKeys: string
  /** Lets read the API's metrics; lives for half a year at least. */
  monitorToken: string
}

/** The secrets that a stack makes for itself, once; they stay the same until their files say otherwise. */
export class Secrets extends OwnResource {
  declare readonly tokens: pulumi.Output<MadeSecrets['tokens']>
  declare readonly apiKeys: pulumi.Output<string>
  declare readonly monitorToken: pulumi.Output<string>

  constructor(name: string, args: { files: SecretFiles }, options: pulumi.CustomResourceOptions) {
    const results = ['tokens', 'apiKeys', 'monitorToken']
    super('Secrets', name, args, results, { ...options, additionalSecretOutputs: results })
  }
}

/** A model that Ollama holds, verified, with the planned context pinned in a model derived from it. */
export interface ModelArgs<Token = string> {
  definition: ModelDefinition
  /** The name of the derived model, which requests use. */
  serves: string
  /** Tokens, pinned in the derived model. */
  contextLength: number
  /** Tokens computed at a time, pinned there too when given. */
  batch?: number
  /** `token` is the provisioner's, where an auth proxy wants one. */
  ollama: { url: string; modelsFolder?: string; token?: Token }
  mirror?: ModelMirror
  deadline: Millis
  /** File that records what was pulled where the tracked lock file has no entry. */
  lockRecord: string
}

export interface ModelState extends ModelArgs {
  digest: string
  servesDigest: string
  source: string
}

export class Model extends OwnResource {
  declare readonly digest: pulumi.Output<string>
  declare readonly servesDigest: pulumi.Output<string>

  constructor(
    name: string,
    args: ModelArgs<pulumi.Input<string>>,
    options: pulumi.CustomResourceOptions,
  ) {
    super('Model', name, args, ['digest', 'servesDigest', 'source'], options)
  }
}

/** The checks, run as part of the update: it fails when one of them fails. */
export interface VerificationArgs {
  deployment: pulumi.Input<Outputs>
  /** What must have stayed the same for an earlier verification to stand: process identities, digests. */
  triggers: pulumi.Input<pulumi.Input<string>[]>
}

export class Verification extends OwnResource {
  /** The report of checks/report.ts. */
  declare readonly report: pulumi.Output<unknown>

  constructor(name: string, args: VerificationArgs, options: pulumi.CustomResourceOptions) {
    super('Verification', name, args, ['report'], options)
  }
}
