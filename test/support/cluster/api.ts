import type { RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { Agent, fetch } from 'undici'

/** Any object of the API, as JSON. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: Metadata
  // biome-ignore lint/suspicious/noExplicitAny: each kind has fields of its own
  [field: string]: any
}

interface Metadata {
  name: string
  namespace?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  generation?: number
  deletionTimestamp?: string
  // biome-ignore lint/suspicious/noExplicitAny: the server adds to it
  [field: string]: any
}

/** What names an object. */
export type KubeReference = Pick<KubeObject, 'apiVersion' | 'kind'> & {
  metadata: Pick<Metadata, 'name' | 'namespace'>
}

/** An answer that refuses. */
export class ApiError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

interface Kind {
  name: string
  kind: string
  namespaced: boolean
}

interface RequestBody {
  type: string
  content: unknown
}

interface ApplyOptions {
  dryRun?: boolean
  force?: boolean
  manager?: string
  validation?: string
}

/** The manager that owns the fields which server-side apply sets. */
const FIELD_MANAGER = 'knowledge-stack-tests'

/**
 * A Kubernetes API for objects of any kind, as plain JSON: the client library's own drops the fields that it
 * does not know, which hides from a test what the server would refuse.
 */
export class KubeApi {
  readonly #server: string
  readonly #agent: Agent
  readonly #headers: Record<string, string>
  readonly #kinds = new Map<string, Promise<Kind[]>>()
  /** Where objects go that name no namespace. */
  readonly namespace: string

  private constructor(
    server: string,
    agent: Agent,
    headers: Record<string, string>,
    namespace: string,
  ) {
    this.#server = server
    this.#agent = agent
    this.#headers = headers
    this.namespace = namespace
  }

  /** Talks to the cluster of the configuration's current context. */
  static async open(config: KubeConfig, namespace?: string): Promise<KubeApi> {
    const context = config.getContextObject(config.currentContext)
    const cluster = config.getCurrentCluster()
    if (!context || !cluster) throw new Error(`context "${config.currentContext}" has no cluster`)
    const tls: RequestOptions = {}
    await config.applyToHTTPSOptions(tls)
    const { ca, cert, key } = tls
    const agent = new Agent({
      connect: { ...(ca && { ca }), ...(cert && { cert, key }) } as object,
    })
    const headers = (tls.headers ?? {}) as Record<string, string>
    const fallback = context.namespace ?? 'default'
    return new KubeApi(cluster.server, agent, headers, namespace ?? fallback)
  }

  /** @returns undefined when there is no such object */
  async read(reference: KubeReference): Promise<KubeObject | undefined> {
    try {
      return (await this.request('GET', await this.#path(reference))) as KubeObject
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw error
    }
  }

  async list(apiVersion: string, kind: string, query = ''): Promise<KubeObject[]> {
    const { name } = await this.#kind(apiVersion, kind)
    const list = await this.request('GET', `${rootOf(apiVersion)}/${name}${query}`)
    // The server says of a list's objects only once what they are.
    return (list as { items: KubeObject[] }).items.map(item => ({ ...item, apiVersion, kind }))
  }

  async create(
    object: KubeObject,
    options: { dryRun?: boolean; manager?: string } = {},
  ): Promise<KubeObject> {
    const query = new URLSearchParams({
      ...(options.manager && { fieldManager: options.manager }),
      ...(options.dryRun && { dryRun: 'All' }),
    })
    const path = (await this.#path(object)).replace(/\/[^/]*$/, '')
    return (await this.request('POST', `${path}?${query}`, json(object))) as KubeObject
  }

  /**
   * Server-side apply.
   * @param options `force` takes over fields that another manager has set, `manager` is who sets these, and `validation`
   *   what is done about a field that the kind does not have; else it is refused
   */
  async apply(object: KubeObject, options: ApplyOptions = {}): Promise<KubeObject> {
    const query = new URLSearchParams({
      fieldManager: options.manager ?? FIELD_MANAGER,
      fieldValidation: options.validation ?? 'Strict',
      force: String(options.force ?? false),
      ...(options.dryRun && { dryRun: 'All' }),
    })
    const body = { type: 'application/apply-patch+yaml', content: object }
    const path = `${await this.#path(object)}?${query}`
    return (await this.request('PATCH', path, body)) as KubeObject
  }

  /** Merges into an object, or into its subresource. */
  async patch(reference: KubeReference, content: object, subresource = ''): Promise<KubeObject> {
    const body = { type: 'application/merge-patch+json', content }
    return (await this.request(
      'PATCH',
      (await this.#path(reference)) + subresource,
      body,
    )) as KubeObject
  }

  /** Asks for the end of an object and what it owns; one that is gone already is no error. */
  async delete(reference: KubeReference, options: object = {}): Promise<void> {
    const content = { propagationPolicy: 'Background', ...options }
    try {
      await this.request('DELETE', await this.#path(reference), json(content))
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error
    }
  }

  /** @throws ApiError when the answer is not a 2xx */
  async request(method: string, path: string, body?: RequestBody): Promise<unknown> {
    const answer = await fetch(this.#server + path, {
      method,
      dispatcher: this.#agent,
      headers: { ...this.#headers, ...(body && { 'content-type': body.type }) },
      ...(body && { body: JSON.stringify(body.content) }),
    })
    const text = await answer.text()
    if (answer.ok) return text.startsWith('{') ? JSON.parse(text) : text
    throw new ApiError(answer.status, messageOf(text))
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }

  async isNamespaced({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>) {
    return (await this.#kind(apiVersion, kind)).namespaced
  }

  async #path({ apiVersion, kind, metadata }: KubeReference): Promise<string> {
    const { name, namespaced } = await this.#kind(apiVersion, kind)
    const scope = namespaced ? `/namespaces/${metadata.namespace ?? this.namespace}` : ''
    return `${rootOf(apiVersion)}${scope}/${name}/${metadata.name}`
  }

  async #kind(apiVersion: string, kind: string): Promise<Kind> {
    const known = this.#kinds.get(apiVersion) ?? this.#discover(apiVersion)
    this.#kinds.set(apiVersion, known)
    const found = (await known).find(candidate => candidate.kind === kind)
    if (found !== undefined) return found
    throw new Error(`the cluster has no ${kind} in ${apiVersion}`)
  }

  async #discover(apiVersion: string): Promise<Kind[]> {
    try {
      const { resources } = (await this.request('GET', rootOf(apiVersion))) as { resources: Kind[] }
      return resources.filter(({ name }) => !name.includes('/'))
    } catch (error) {
      // Asked again the next time: a definition may come, and a server come back.
      this.#kinds.delete(apiVersion)
      throw error
    }
  }
}

const rootOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`

const json = (content: unknown): RequestBody => ({ type: 'application/json', content })

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message: string }).message
  } catch {
    return text
  }
}
