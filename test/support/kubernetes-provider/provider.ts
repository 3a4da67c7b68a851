import { randomBytes } from 'node:crypto'
import { ApiError, type KubeApi, type KubeObject } from '../cluster/api.ts'
import behaviour from './behaviour.json' with { type: 'json' }
import { type ProviderArgs, Unreachable } from './connect.ts'
import { until } from './deadline.ts'
import { changedPaths, drifted } from './drift.ts'
import { withoutIgnored } from './ignored-fields.ts'
import { replacing } from './kinds.ts'
import { idOf, isUnknown, NotReady, named, type State, tidy } from './object-state.ts'
import { readiness } from './readiness.ts'

interface ApplyOptions {
  preview: boolean
  /** Of the resource's customTimeouts; 0 where it has none. */
  timeoutSeconds: number
}

/** What an update is told beside. */
interface UpdateOptions extends ApplyOptions {
  /** Dotted paths whose changes are ignored. */
  ignored: readonly string[]
}

interface Difference {
  /** Dotted paths. */
  changed: string[]
  replaces: string[]
  deleteBeforeReplace: boolean
}

/** Sets the fields of what is created without being applied. */
const CREATOR = 'pulumi-kubernetes'
/** Begins the names of those that apply. */
const MANAGER = `${CREATOR}-`
const AUTONAMED = 'pulumi.com/autonamed'
const SKIP_AWAIT = 'pulumi.com/skipAwait'
const PATCH_FORCE = 'pulumi.com/patchForce'
const REPLACE_UNREADY = 'pulumi.com/replaceUnready'

/**
 * Stands in for the official Kubernetes provider, whose binary no package registry has. The same resources are
 * applied to a real API server in the same way: named, replaced, awaited and found to have drifted by the rules
 * that the official one documents, as far as this project's program and its tests meet them.
 */
export class KubernetesProvider {
  readonly #cluster: KubeApi | Unreachable
  readonly #args: ProviderArgs
  readonly #signal: AbortSignal

  /** @param cluster or why there is none, which only what needs it tells */
  constructor(cluster: KubeApi | Unreachable, args: ProviderArgs, signal: AbortSignal) {
    this.#cluster = cluster
    this.#args = args
    this.#signal = signal
  }

  get #api(): KubeApi {
    if (this.#cluster instanceof Unreachable) throw this.#cluster
    return this.#cluster
  }

  /** The inputs with a namespace, and a name that stays the same from update to update. */
  async check(name: string, olds: Partial<KubeObject>, news: KubeObject): Promise<KubeObject> {
    const metadata = { ...news.metadata }
    if (!metadata.name && !metadata.generateName) {
      const before = olds.metadata?.annotations?.[AUTONAMED] ? olds.metadata.name : undefined
      metadata.name = before ?? `${name}-${randomBytes(4).toString('hex')}`
      metadata.annotations = { ...metadata.annotations, [AUTONAMED]: 'true' }
    }
    const isNamespaced = async () => this.#api.isNamespaced(news)
    const namespaced = await this.#reach(isNamespaced).catch(error => {
      if (error instanceof Unreachable) return false
      throw error
    })
    if (!metadata.namespace && namespaced) metadata.namespace = this.#api.namespace
    return { ...news, metadata }
  }

  async diff(olds: KubeObject, news: KubeObject, ignored: readonly string[]): Promise<Difference> {
    const changed = changedPaths(olds, news).filter(
      path => !ignored.some(prefix => path === prefix || path.startsWith(`${prefix}.`)),
    )
    const { name, namespace, annotations } = news.metadata
    const replaces = changed.filter(path => replacing(news, path, this.#args))
    if (annotations?.[REPLACE_UNREADY] === 'true' && (await this.#isUnready(olds))) {
      replaces.push(`metadata.annotations["${REPLACE_UNREADY}"]`)
    }
    return {
      changed: [...new Set([...changed, ...replaces])],
      replaces,
      deleteBeforeReplace:
        replaces.length > 0 &&
        annotations?.[AUTONAMED] === undefined &&
        name === olds.metadata.name &&
        namespace === olds.metadata.namespace,
    }
  }

  /** By server-side apply where what is there is taken over, else by an order that refuses what is there. */
  async create(inputs: KubeObject, options: ApplyOptions) {
    // Another for each object: what a create that was killed has set stays its own beside that of the next.
    const manager = `${MANAGER}${randomBytes(4).toString('hex')}`
    if (this.#args.upsertExistingObjects) return this.#apply(inputs, manager, options)
    const dryRun = options.preview
    return this.#put(inputs, manager, options, () =>
      this.#api.create(inputs, { dryRun, manager: CREATOR }),
    )
  }

  async update(state: State, inputs: KubeObject, { ignored, ...options }: UpdateOptions) {
    const manager = state.__fieldManager ?? CREATOR
    const before = await this.#reach(() => this.#api.read(inputs))
    if (before === undefined) return this.#apply(inputs, manager, options)
    const inherited = await this.#inherit(before, manager, options)
    return this.#apply(withoutIgnored(inputs, inherited, ignored, manager), manager, options)
  }

  /**
   * Makes the fields that a create has set those of the manager of all updates.
   * @returns the object as it is then, or as a preview shows it
   */
  async #inherit(
    object: KubeObject,
    manager: string,
    { preview }: ApplyOptions,
  ): Promise<KubeObject> {
    const managers = (object.metadata.managedFields ?? []) as { manager: string }[]
    if (!managers.some(found => found.manager === CREATOR)) return object
    const managedFields = managers.map(found =>
      found.manager === CREATOR ? { ...found, manager, operation: 'Apply' } : found,
    )
    const changed = { ...object, metadata: { ...object.metadata, managedFields } }
    if (preview) return changed
    return this.#reach(() => this.#api.patch(object, { metadata: { managedFields } }))
  }

  /** A preview asks what would come of it. */
  #apply(inputs: KubeObject, manager: string, options: ApplyOptions) {
    const { annotations = {} } = inputs.metadata
    const force = this.#args.enablePatchForce || annotations[PATCH_FORCE] === 'true'
    const validation = behaviour.unknownFields
    const how = { dryRun: options.preview, force, manager, validation }
    return this.#put(inputs, manager, options, () => this.#api.apply(inputs, how))
  }

  /** Sends an object, and waits until it is ready. */
  async #put(
    inputs: KubeObject,
    manager: string,
    { preview, timeoutSeconds }: ApplyOptions,
    send: () => Promise<KubeObject>,
  ): Promise<{ id: string; live: State }> {
    if (isUnknown(inputs)) return { id: '', live: inputs }
    const live = await this.#reach(send).catch(error => {
      // The namespace that it goes to is made by the same update.
      if (preview && error instanceof ApiError && error.status === 404) return inputs
      if (preview && error instanceof Unreachable) return inputs
      // What is to be replaced is still there.
      if (preview && error instanceof ApiError && error.status === 409) return inputs
      throw error
    })
    const id = idOf(live)
    const awaited = inputs.metadata.annotations?.[SKIP_AWAIT] !== 'true'
    if (preview || !awaited) return { id, live: tidy(live, manager) }
    return { id, live: await this.#ready(id, live, manager, timeoutSeconds) }
  }

  /** @returns undefined when it is gone */
  async read(id: string, inputs: KubeObject, state: State) {
    const reference = state.kind === undefined ? inputs : state
    const found = await this.#reach(() => this.#api.read({ ...reference, metadata: named(id) }))
    if (found === undefined) return undefined
    const live = tidy(found, state.__fieldManager)
    return { live, inputs: drifted(inputs, state, live) as KubeObject }
  }

  /** Asks for its end with all that it owns, and waits until it is gone. */
  async delete(state: KubeObject, timeoutSeconds: number): Promise<void> {
    const { uid } = state.metadata
    await this.#reach(() => this.#api.delete(state, { propagationPolicy: 'Foreground' }))
    const last = await until(timeoutSeconds, this.#signal, async () => {
      const left = await this.#api.read(state)
      return left === undefined || left.metadata.uid !== uid
        ? { done: true }
        : { done: false, reason: `finalizers: ${left.metadata.finalizers?.join(', ') ?? 'none'}` }
    })
    if (!last.done) throw new Error(`${state.kind} ${idOf(state)} is not gone: ${last.reason}`)
  }

  async #isUnready(inputs: KubeObject): Promise<boolean> {
    const live = await this.#reach(() => this.#api.read(inputs))
    if (live === undefined) return true
    const { done, failed } = await readiness(live, this.#api)
    return !done || failed === true
  }

  async #ready(
    id: string,
    applied: KubeObject,
    manager: string,
    timeoutSeconds: number,
  ): Promise<State> {
    let live = applied
    const last = await until(timeoutSeconds, this.#signal, async () => {
      const found = await this.#api.read(applied)
      if (found === undefined) return { done: true, failed: true, reason: 'it is gone' }
      live = found
      return readiness(found, this.#api)
    })
    if (last.done && !last.failed) return tidy(live, manager)
    throw new NotReady(id, tidy(live, manager), last.reason ?? '')
  }

  /** A cluster that does not answer is told from an answer that refuses. */
  async #reach<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      const cause = (error.cause as Error | undefined)?.message ?? error.message
      throw new Unreachable(cause)
    }
  }
}
