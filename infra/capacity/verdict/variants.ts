import { formatBytes } from '../../units.ts'
import type { ModelDemand } from '../sized-model.ts'
import type { StackDemand } from '../stack.ts'

/** What a stack might be instead, by its settings. */
export interface Variant {
  demand: StackDemand
  /** What is changed, and what is given up for it, in words. */
  change: string
  cost: string
  /** The settings that make it, by key. */
  settings: Record<string, string>
}

const MIN_CONTEXT = 2048

/**
 * Lighter settings, the cheapest first: a q8_0 cache, then the context by halves, each with the cache as it is and
 * quantized.
 */
export function lighterVariants(demand: StackDemand): Variant[] {
  const caches = demand.kvCache === 'f16' ? [undefined, quantizedCache(demand)] : [undefined]
  const contexts = [undefined, ...smallerContexts(demand)]
  return contexts.flatMap(context =>
    caches.flatMap(cache => {
      if (context === undefined) return cache ?? []
      return cache === undefined ? context : both(context, quantizedCache(context.demand))
    }),
  )
}

function quantizedCache(demand: StackDemand): Variant {
  return {
    demand: { ...demand, kvCache: 'q8_0' },
    change: 'a q8_0 KV cache',
    cost: 'a little precision on long contexts',
    settings: { kvCacheType: 'q8_0' },
  }
}

function smallerContexts(demand: StackDemand): Variant[] {
  const chat = demand.models.find(model => model.role === 'chat')
  if (chat === undefined) return []
  const halves = Array.from({ length: 24 }, (_, index) =>
    Math.floor(chat.contextLength / 2 ** (index + 1)),
  )
  return halves
    .filter(tokens => tokens >= MIN_CONTEXT)
    .map(contextLength => ({
      demand: replaceModel(demand, chat, { ...chat, contextLength }),
      change: `a context of ${contextLength} tokens`,
      cost: `requests of at most ${contextLength} tokens instead of ${chat.contextLength}`,
      settings: { contextLength: String(contextLength) },
    }))
}

/** Another model in the place of one. Vectors of another embedding model may have another length. */
export function modelVariant(demand: StackDemand, model: ModelDemand, other: ModelDemand): Variant {
  const changed = replaceModel(demand, model, other)
  const change = `${other.name} (${formatBytes(other.architecture.fileBytes)}) instead of ${model.name}`
  const settings = { [`${model.role}Model`]: other.name }
  if (model.role === 'embedding') {
    const data = { ...demand.data, dimensions: other.architecture.shape.embedding }
    const cost = 'all knowledge has to be embedded again'
    return { demand: { ...changed, data }, change, cost, settings }
  }
  if (other.contextLength === model.contextLength) {
    return { demand: changed, change, cost: 'weaker answers', settings }
  }
  const { contextLength } = other
  return {
    demand: changed,
    change: `${change}, with the ${contextLength} tokens it was trained for`,
    cost: `weaker answers, to requests of at most ${contextLength} tokens instead of ${model.contextLength}`,
    settings: { ...settings, contextLength: String(contextLength) },
  }
}

/** Chroma's data over more servers, none of which needs as much. */
export const moreInstances = (demand: StackDemand): Variant[] =>
  Array.from({ length: demand.data.shards - demand.data.instances }, (_, index) => {
    const instances = demand.data.instances + index + 1
    return {
      demand: { ...demand, data: { ...demand.data, instances } },
      change: `${instances} Chroma servers instead of ${demand.data.instances}`,
      cost: 'the shards that the new servers take over have to be moved',
      settings: { instances: String(instances) },
    }
  })

/** Sized for fewer creators, by halves. */
export const lessData = (demand: StackDemand): Variant[] =>
  Array.from({ length: 6 }, (_, index) => {
    const creators = Math.ceil(demand.data.creators / 2 ** (index + 1))
    return {
      demand: { ...demand, data: { ...demand.data, creators } },
      change: `data of ${creators} creators`,
      cost: `no room for more than ${creators} creators instead of ${demand.data.creators}`,
      settings: { creators: String(creators) },
    }
  })

/** @param second made of the first's demand */
export const both = (first: Variant, second: Variant): Variant => ({
  demand: second.demand,
  change: `${first.change} with ${second.change}`,
  cost: `${first.cost}, ${second.cost}`,
  settings: { ...first.settings, ...second.settings },
})

const replaceModel = (demand: StackDemand, model: ModelDemand, other: ModelDemand) => ({
  ...demand,
  models: demand.models.map(each => (each === model ? other : each)),
})
