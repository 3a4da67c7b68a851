import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'

const Names = z.array(z.string())
const Texts = z.record(z.string(), z.string()).default({})

const Resource = z.strictObject({
  /** Arguments by what another value of theirs leads to; of any other that is not known. */
  replaced: Names,
  updated: Names,
  /** Written into the state alone: what is there stays as it is. */
  noted: Names,
  /** For the provider itself. */
  own: Names,
  /** Lists that are the same in another order. */
  unordered: Names.default([]),
  defaults: z.record(z.string(), z.unknown()).default({}),
  /** Texts within an argument, by what they come back as. */
  readBack: z.record(z.string(), Texts).default({}),
  refused: Texts,
  /** What becomes of work that does not come to its end. */
  unfinished: Texts,
  /** What is read of one that has ended; creating one that ends at once is no failure. */
  ended: z.record(z.string(), z.unknown()).default({}),
})
type Seen = z.infer<typeof Resource>

/** What the official provider was seen to do with each type of resource, run against a real Engine. */
export const BEHAVIOUR = z
  .strictObject({
    provider: z.string(),
    seenOn: z.strictObject({ version: z.string(), commit: z.string(), against: z.string() }),
    resources: z.record(z.string(), Resource),
  })
  .parse(JSON.parse(readFileSync(new URL('behaviour.json', import.meta.url), 'utf8')))

export const argumentsOf = (seen: Pick<Seen, 'replaced' | 'updated' | 'noted' | 'own'>): string[] =>
  [seen.replaced, seen.updated, seen.noted, seen.own].flat()

/** An argument as the state has it. */
export function asRead(texts: Record<string, string> = {}, value: unknown): unknown {
  if (typeof value === 'string') return texts[value] ?? value
  if (Array.isArray(value)) return value.map(item => asRead(texts, item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asRead(texts, item)]))
}

export function isChanged({ unordered }: Seen, key: string, old: unknown, now: unknown): boolean {
  const sorted = (list: unknown) =>
    Array.isArray(list) && unordered.includes(key)
      ? list.map(one => JSON.stringify(one)).sort()
      : list
  return !isDeepStrictEqual(sorted(old), sorted(now))
}
