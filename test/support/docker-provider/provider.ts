import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { provider } from '@pulumi/pulumi'
import Docker from 'dockerode'
import { revealed } from '../../../provision/provider/secret-values.ts'
import { container } from './container.ts'
import { image } from './image.ts'
import { type Kind, type Properties, Unfinished } from './kind.ts'
import { network } from './network.ts'
import { remoteImage } from './remote-image.ts'
import { volume } from './volume.ts'

const KINDS: Record<string, Kind> = {
  'docker:index/container:Container': container,
  'docker:index/image:Image': image,
  'docker:index/network:Network': network,
  'docker:index/remoteImage:RemoteImage': remoteImage,
  'docker:index/volume:Volume': volume,
}
const AUTONAMED = /docker:index\/(container|network|volume):\w+$/

/**
 * Stands in for the official Docker provider, whose binary no package registry has. The same resources are taken
 * to a real Docker Engine in the same way: named, replaced, awaited and found to be gone by the rules of the
 * official one, as far as this project's program meets them.
 */
export class DockerProvider implements provider.Provider {
  readonly #docker = new Docker()
  readonly #stop = new AbortController()

  async check(urn: string, olds: Properties, news: Properties): Promise<provider.CheckResult> {
    const [type = '', name = ''] = urn.split('::').slice(-2)
    if (!AUTONAMED.test(type) || news.name !== undefined) return { inputs: news }
    return { inputs: { ...news, name: olds.name ?? `${name}-${randomBytes(4).toString('hex')}` } }
  }

  async diff(_id: string, urn: string, olds: Properties, news: Properties) {
    const { updatable } = kindOf(urn)
    const changed = Object.keys(news).filter(
      key => !isDeepStrictEqual(revealed(olds[key]), revealed(news[key])),
    )
    const gone = Object.keys(olds[INPUTS] ?? {}).filter(key => !(key in news))
    const keys = [...changed, ...gone]
    return { changes: keys.length > 0, replaces: keys.filter(key => !updatable.includes(key)) }
  }

  async create(urn: string, inputs: Properties): Promise<provider.CreateResult> {
    const { id, results } = await kindOf(urn)
      .create(revealed(inputs), this.#docker, this.#stop.signal)
      .catch(error => {
        if (error instanceof Unfinished) error.properties = { id: error.id, ...outsOf(inputs, {}) }
        throw error
      })
    return { id, outs: { id, ...outsOf(inputs, results) } }
  }

  async read(id: string, urn: string, state: Properties): Promise<provider.ReadResult> {
    const now = await kindOf(urn).read(id, revealed(state), this.#docker)
    if (now === undefined) return { props: {} }
    const props = { ...state, ...now }
    // The official one tells the inputs anew, too, as it finds them.
    const inputs = Object.keys(state[INPUTS] ?? {}).map(key => [key, props[key]])
    return { id, props, inputs: Object.fromEntries(inputs) }
  }

  async update(id: string, urn: string, _olds: Properties, news: Properties) {
    const kind = kindOf(urn)
    await kind.update?.(id, revealed(news), this.#docker)
    const results = await kind.read(id, revealed(news), this.#docker)
    return { outs: outsOf(news, results ?? {}) }
  }

  /** Ends the waiting, as the official one does when the engine is interrupted. */
  async cancel(): Promise<void> {
    this.#stop.abort()
  }

  async delete(id: string, urn: string, state: Properties): Promise<void> {
    await kindOf(urn).delete(id, revealed(state), this.#docker)
  }
}

/** The names of the inputs, so that one that is taken away is noticed. */
const INPUTS = '__inputs'

const outsOf = (inputs: Properties, results: Properties): Properties => ({
  ...results,
  ...inputs,
  [INPUTS]: Object.fromEntries(Object.keys(inputs).map(key => [key, true])),
})

function kindOf(urn: string): Kind {
  const type = urn.split('::')[2]?.split('$').at(-1) ?? ''
  const kind = KINDS[type]
  if (kind === undefined) throw new Error(`${type} is not among the resources of this provider`)
  return kind
}
