import { isAbsolute } from 'node:path'
import { z } from 'zod'

const Count = z.int().min(1)

const Source = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('library') }),
  z.strictObject({
    kind: z.literal('mirror'),
    host: z.string().min(1),
    namespace: z.string().min(1),
    insecure: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('folder'),
    path: z.string().refine(isAbsolute, 'must be an absolute path'),
  }),
  z.strictObject({
    kind: z.literal('package'),
    registry: z.literal('pypi'),
    name: z.string().min(1),
    version: z.string().min(1),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    member: z.string().min(1),
  }),
])

/** What the plan goes by, as the publisher's config.json has it; see infra/capacity/model/figures.ts. */
const ModelFigures = z.strictObject({
  family: z.string().min(1),
  layers: Count,
  embedding: Count,
  feedForward: Count,
  heads: Count,
  kvHeads: Count,
  headLength: Count,
  vocabulary: Count,
  slidingWindow: Count.optional(),
  experts: z.strictObject({ count: Count, used: Count }).optional(),
  encoder: z.boolean().optional(),
  embeddingType: z.enum(['f16', 'q8_0']),
  untied: z.boolean().optional(),
})

const common = {
  contextLength: Count,
  sizeBytes: Count,
  figures: ModelFigures.optional(),
  sources: z
    .array(Source)
    .min(1)
    .default([{ kind: 'library' }]),
}
const prefixes = z.strictObject({ document: z.string(), query: z.string() })

/** A model that a stack defines itself, under its name in the setting `models`. */
export const OwnModel = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('chat'), ...common }),
  z.strictObject({
    role: z.literal('embedding'),
    dimensions: Count,
    prefixes: prefixes.default({ document: '', query: '' }),
    ...common,
  }),
])
