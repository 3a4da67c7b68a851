import { randomBytes } from 'node:crypto'
import type { provider } from '@pulumi/pulumi'
import Docker from 'dockerode'
import { revealed } from '../../../provision/provider/secret-values.ts'
import { argumentsOf, asRead, BEHAVIOUR, isChanged } from './behaviour.ts'
import { container } from './container.ts'
import { image, remoteImage } from './images.ts'
import { type Kind, type Properties, Unfinished } from './kind.ts'
import { network } from './network.ts'
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
 * to a real Docker Engine in the same way: named, replaced, awaited, read back and found to be gone as the official
 * one was seen to do it (behaviour.json), as far as this project's program meets that.
 */
export class DockerProvider implements provider.Provider {
  readonly #docker = new Docker()

  async check(urn: string, olds: Properties, news: Properties): Promise<provider.CheckResult> {
    const [type = '', name = ''] = urn.split('::').slice(-2)
    const { defaults, ...seen } = seenOf(urn)
    const reason = 'is not in behaviour.json: what the official provider does with it was not seen'
    const unseen = Object.keys(news).filter(property => !argumentsOf(seen).includes(property))
    const named = AUTONAMED.test(type) && {
      name: olds.name ?? `${name}-${randomBytes(4).toString('hex')}`,
    }
    const failures = unseen.map(property => ({ property, reason }))
    return { inputs: { ...defaults, ...named, ...news }, failures }
  }

  async diff(_id: string, urn: string, olds: Properties, news: Properties) {
    const seen = seenOf(urn)
    const changed = Object.keys(news).filter(key =>
      isChanged(seen, key, revealed(olds[key]), revealed(news[key])),
    )
    const gone = Object.keys(olds[INPUTS] ?? {}).filter(key => !(key in news))
    const keys = [...changed, ...gone, ...(FAILED in olds ? [FAILED] : [])]
    const replaces = keys.filter(key => seen.replaced.includes(key) || key === FAILED)
    return { changes: keys.length > 0, replaces }
  }

  async create(urn: string, inputs: Properties): Promise<provider.CreateResult> {
    const { id, results } = await kindOf(urn)
      .create(revealed(inputs), this.#docker)
      .catch(error => {
        if (error instanceof Unfinished)
          error.properties = { id: error.id, ...outsOf(urn, inputs, { [FAILED]: true }) }
        throw error
      })
    return { id, outs: { id, ...outsOf(urn, inputs, results) } }
  }

  async read(id: string, urn: string, state: Properties): Promise<provider.ReadResult> {
    const now = await kindOf(urn).read(id, revealed(state), this.#docker)
    if (now === undefined) return { props: {} }
    const props = { ...state, ...now }
    // The official one tells the inputs anew, too, as it finds them.
    const inputs = Object.keys(state[INPUTS] ?? {}).map(key => [key, props[key]])
    return { id, props, inputs: Object.fromEntries(inputs) }
  }

  async update(id: string, urn: string, olds: Properties, news: Properties) {
    const kind = kindOf(urn)
    await kind.update?.(id, revealed(news), this.#docker, revealed(olds))
    const results = await kind.read(id, revealed(news), this.#docker)
    return { outs: outsOf(urn, news, results ?? {}) }
  }

  async delete(id: string, urn: string, state: Properties): Promise<void> {
    await kindOf(urn).delete(id, revealed(state), this.#docker)
  }
}

/** The names of the inputs, so that one that is taken away is noticed. */
const INPUTS = '__inputs'
/** On what was made and is not as it should be. */
const FAILED = '__failed'

const outsOf = (urn: string, inputs: Properties, results: Properties): Properties => ({
  ...Object.fromEntries(
    Object.entries(inputs).map(([key, value]) => [key, asRead(seenOf(urn).readBack[key], value)]),
  ),
  ...results,
  [INPUTS]: Object.fromEntries(Object.keys(inputs).map(key => [key, true])),
})

const typeOf = (urn: string): string => urn.split('::')[2]?.split('$').at(-1) ?? ''

const seenOf = (urn: string) => BEHAVIOUR.resources[typeOf(urn)]!

const kindOf = (urn: string): Kind => KINDS[typeOf(urn)]!
