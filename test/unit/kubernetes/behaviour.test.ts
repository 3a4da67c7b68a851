import { expect, it } from 'vitest'
import { z } from 'zod'
import { KINDS } from '../../support/kubernetes/every-kind.ts'
import behaviour from '../../support/kubernetes-provider/behaviour.json' with { type: 'json' }

const Text = z.string().min(1)

/** What was seen of a provider, in the words of what reads it and of what its suites look at. */
const Behaviour = z.strictObject({
  provider: z.literal('kubernetes'),
  seenOn: z.strictObject({
    version: Text,
    commit: z.string().regex(/^[0-9a-f]{40}$/),
    against: Text,
  }),
  unknownFields: z.enum(['Ignore', 'Warn', 'Strict']),
  create: z.strictObject({ existing: Text, manager: Text, killed: Text }),
  update: z.strictObject({ ignoredFields: Text }),
  readBack: Text,
  withoutCluster: Text,
  unready: z.record(Text, Text),
  replaces: z.record(Text, z.array(Text).min(1)),
})

it('what the official provider was seen to do is written down with the version that did it', () => {
  expect(Behaviour.safeParse(behaviour).error).toBeUndefined()
})

it('nothing is said to replace an object that no suite changes to see whether it does', () => {
  const untried = Object.entries(behaviour.replaces).flatMap(([kind, fields]) => {
    const tried = Object.keys(KINDS[kind]?.others ?? {})
    const isTried = (field: string) =>
      tried.some(path => path === field || path.startsWith(`${field}.`))
    return fields.filter(field => !isTried(field)).map(field => `${kind} ${field}`)
  })
  expect(untried).toEqual([])
})
