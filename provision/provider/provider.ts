import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { provider } from '@pulumi/pulumi'
import { Failure, markedText } from '../../infra/failure.ts'
import { PROJECT_VERSION } from '../../infra/project.ts'
import type { Task } from '../progress.ts'
import type { ResourceKind } from './resources/resource-kind.ts'
import { revealed } from './secret-values.ts'

// biome-ignore lint/suspicious/noExplicitAny: the engine hands over untyped properties; each kind types its own
type AnyKind = ResourceKind<any, any>

/** Loaded when first asked for: a server starts while what pulls models and verifies is still loading. */
const KINDS: Record<string, () => Promise<AnyKind>> = {
  'knowledge:index:Process': async () =>
    (await import('./resources/process-resource.ts')).processKind,
  'knowledge:index:Model': async () => (await import('./resources/model-resource.ts')).modelKind,
  'knowledge:index:Owner': async () => (await import('./resources/owner-resource.ts')).ownerKind,
  'knowledge:index:Layout': async () => (await import('./resources/layout-resource.ts')).layoutKind,
  'knowledge:index:OllamaRecord': async () =>
    (await import('./resources/version-record-resource.ts')).versionRecordKind,
  'knowledge:index:Secrets': async () =>
    (await import('./resources/secrets-resource.ts')).secretsKind,
  'knowledge:index:Verification': async () =>
    (await import('./resources/verification-resource.ts')).verificationKind,
}

/** The project's own Pulumi provider. It translates between the engine and the kinds of resource, and does nothing itself. */
export class KnowledgeProvider implements provider.Provider {
  readonly version = PROJECT_VERSION
  readonly #log: (urn: string, text: string) => void
  readonly #stop = new AbortController()
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(log: (urn: string, text: string) => void) {
    this.#log = log
  }

  /** The one function of this provider, `knowledge:index:start`: the program's call to get ready (infra/resources.ts). */
  async invoke(): Promise<provider.InvokeResult> {
    loadKinds()
    return {}
  }

  async diff(
    _id: string,
    urn: string,
    olds: object,
    news: Properties,
  ): Promise<provider.DiffResult> {
    const { results, update, upgraded } = await kindOf(urn)
    const before = revealed(olds)
    const changed = changedKeys(omit(upgraded?.(before) ?? before, results), revealed(news))
    const replaces = update === undefined ? changed : []
    return { changes: changed.length > 0, replaces, deleteBeforeReplace: true }
  }

  async create(urn: string, inputs: object): Promise<provider.CreateResult> {
    const state = await this.#explained(urn, kind => kind.create(revealed(inputs), this.#task(urn)))
    return { id: randomUUID(), outs: await kept(urn, inputs, state) }
  }

  async read(id: string, urn: string, state: object): Promise<provider.ReadResult> {
    const now = await this.#explained(urn, kind => kind.read(revealed(state), this.#task(urn)))
    // No id tells the engine that the resource is gone.
    return now === undefined ? { props: {} } : { id, props: await kept(urn, state, now) }
  }

  async update(_id: string, urn: string, olds: object, news: object) {
    const state = await this.#explained(urn, kind =>
      kind.update?.(revealed(olds), revealed(news), this.#task(urn)),
    )
    return { outs: await kept(urn, news, state) }
  }

  async delete(_id: string, urn: string, state: object): Promise<void> {
    await this.#explained(urn, kind => kind.delete?.(revealed(state), this.#task(urn)))
  }

  /** The engine's request to stop, after Ctrl-C: what is under way ends, and takes back what it began. */
  async cancel(): Promise<void> {
    this.#stop.abort(new Failure('interrupted', 'interrupted'))
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }

  async #explained<Result>(urn: string, work: Work<Result>): Promise<Result | undefined> {
    const done = (async () => work(await kindOf(urn)))()
    this.#underWay.add(done)
    try {
      return await done
    } catch (error) {
      // The engine shows an error's message and its stack: a Failure has its mend in the one and nothing in the other.
      const shown = new Error(markedText(error))
      if (error instanceof Failure) shown.stack = ''
      throw shown
    } finally {
      this.#underWay.delete(done)
    }
  }

  #task(urn: string): Task {
    const report = (text: string) => {
      this.#log(urn, text)
      // Who reports is about to wait: time to load what comes next.
      loadKinds()
    }
    return { report, signal: this.#stop.signal }
  }
}

function loadKinds(): void {
  for (const load of Object.values(KINDS)) void load()
}

function kindOf(urn: string): Promise<AnyKind> {
  // urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>
  const type = urn.split('::')[2]?.split('$').at(-1) ?? ''
  const load = KINDS[type]
  if (load === undefined) throw new Failure('misused', `${type} is not a resource of this provider`)
  return load()
}

type Work<Result> = (kind: AnyKind) => Promise<Result> | undefined
type Properties = Record<string, unknown>

function changedKeys(olds: Properties, news: Properties): string[] {
  const keys = new Set([...Object.keys(olds), ...Object.keys(news)])
  return [...keys].filter(key => !isDeepStrictEqual(olds[key], news[key]))
}

/**
 * What Pulumi is to keep: the properties as they came, secrets still marked as such, and the results with them.
 * Results that are secret are declared so by the resource (infra/resources.ts).
 */
async function kept(urn: string, properties: object, state: Properties): Promise<Properties> {
  const { results } = await kindOf(urn)
  return { ...properties, ...Object.fromEntries(results.map(key => [key, state[String(key)]])) }
}

function omit(properties: object, keys: readonly PropertyKey[]): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !keys.includes(key)))
}
