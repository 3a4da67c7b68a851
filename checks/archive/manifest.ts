import { hash } from 'node:crypto'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { README } from './readme.ts'

export const MANIFEST = 'manifest.json'

/** The name of a file of records, by its place among them. */
export const recordsFile = (index: number, isEncrypted: boolean): string =>
  `records-${String(index).padStart(5, '0')}.parquet${isEncrypted ? '.age' : ''}`
const RECORDS_FILE = /^records-\d{5,}\.parquet(\.age)?$/

/** Whether a file has one of the names that the files of an archive have. */
export const isOfArchive = (name: string): boolean =>
  name === MANIFEST || name === README || RECORDS_FILE.test(name)

const FORMAT = 'knowledge-stack archive'
const VERSION = 1

const Count = z.int().nonnegative()

const ArchiveFile = z.object({
  name: z.string().regex(/^[\w.-]+$/),
  /** As it is stored, encrypted or not. */
  bytes: Count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  records: Count,
})
export type ArchiveFile = z.infer<typeof ArchiveFile>

/** What an archive says of itself. It is written last: where it is, all files are. */
const Manifest = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  /** Each of its files says so too. */
  id: z.uuid(),
  created: z.iso.datetime(),
  stack: z.string(),
  /** All creators of the stack, or one. */
  scope: z.enum(['all', 'creator']),
  /** Where its records were, and the model that made their vectors. */
  layout: z.object({
    generation: z.int().positive(),
    shards: z.int().positive(),
    embeddingModel: z.string(),
    embeddingDigest: z.string().optional(),
    dimensions: z.int().positive(),
    documentPrefix: z.string(),
    queryPrefix: z.string(),
  }),
  versions: z.record(z.string(), z.string()),
  /** Its files are encrypted, each as https://age-encryption.org/v1 says. */
  encrypted: z.boolean(),
  creators: Count,
  documents: Count,
  records: Count,
  /** Creators who were written whenever they were read: each of their documents is whole, not all are of one moment. */
  unsettled: Count,
  files: z.array(ArchiveFile),
})
export type Manifest = z.infer<typeof Manifest>

/** What the maker of an archive says of it. */
export type Described = Omit<Manifest, 'format' | 'version'>

export function manifestText(described: Described): string {
  const manifest: Manifest = { format: FORMAT, version: VERSION, ...described }
  const text = JSON.stringify(manifest)
  return `${JSON.stringify({ ...manifest, sha256: hash('sha256', text) }, undefined, 2)}\n`
}

/**
 * @param text of a manifest
 * @param where it was found
 * @throws Failure `misused` for what is none, was changed, or is of a version that is not known here
 */
export function parseManifest(text: string, where: string): Manifest {
  const { sha256, ...said } = objectIn(text)
  if (said.format !== FORMAT) throw noArchive(where, 'its manifest is not one of knowledge-stack')
  if (said.version !== VERSION) {
    throw new Failure(
      'misused',
      `The archive ${where} is of version ${JSON.stringify(said.version)}; this reads ${VERSION}`,
      { mend: 'restore it with the version of knowledge-stack that made it' },
    )
  }
  const parsed = Manifest.safeParse(said)
  if (!parsed.success || sha256 !== hash('sha256', JSON.stringify(said))) {
    throw noArchive(where, 'its manifest was changed or damaged')
  }
  return parsed.data
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** What is no archive, or no whole one. */
export const noArchive = (where: string, why: string): Failure =>
  new Failure('misused', `${where} is no archive that can be restored: ${why}`, {
    mend: 'name the folder of a whole archive, which has a manifest.json in it: --from PLACE/STACK-20261128T092312Z',
  })
