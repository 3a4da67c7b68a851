import { z } from 'zod'

const Collection = z.object({ id: z.uuid(), name: z.string() })
const Answer = z.union([Collection.transform(one => [one]), z.array(Collection)])
const ROUTE = /\/collections(\/[^/?]+)?(\?|$)/
const RECORDS = /\/collections\/([0-9a-f-]{36})\/(\w+)$/

/** The names of Chroma's collections, by what it answers to those who look them up or make them. */
export class CollectionNames {
  readonly #names = new Map<string, string>()

  learn(path: string, status: number, body: string): void {
    if (status !== 200 || !ROUTE.test(path)) return
    const { data: found = [] } = Answer.safeParse(JSON.parse(body))
    for (const { id, name } of found) this.#names.set(id, name)
  }

  /** @returns the collection and what is asked of its records; undefined for other routes */
  find(path: string): { collection: string; operation: string } | undefined {
    const [, id, operation] = RECORDS.exec(path) ?? []
    const collection = this.#names.get(id ?? '')
    return collection && operation ? { collection, operation } : undefined
  }
}
