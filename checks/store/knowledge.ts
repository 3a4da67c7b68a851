import { Failure } from '../../infra/failure.ts'
import type { BackupRecords } from './backup-records.ts'
import { putAll, upsertAll, type WhatIsThere } from './bulk-load.ts'
import { Creator, type Store } from './creator.ts'
import { type CreatorId, isReserved, parseCreatorId, RESERVED_PREFIX } from './creator-id.ts'
import type { TextEmbedder } from './embedder.ts'
import type { ForgottenCreators } from './forgotten.ts'
import type { Generations } from './generations.ts'
import { checkDocuments, type NewDocument, type ReadyDocument } from './records/document.ts'
import { VERIFICATION, VERIFICATION_MARKS } from './records/metadata.ts'
import type { ShardCollections } from './shards/shard-collections.ts'
import { type StoreStatistics, statistics } from './statistics.ts'
import type { VerificationRecord } from './verification-record.ts'

/** The multi-tenant store. `creator` is the only way in. */
export class Knowledge {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** For who moves creators from one to another. */
  get generations(): Generations {
    return this.#store.generations
  }

  /** The creators who were forgotten. */
  get forgotten(): ForgottenCreators {
    return this.#store.forgotten
  }

  /** Its backups, as they are recorded beside the data. */
  get backups(): BackupRecords {
    return this.#store.backups
  }

  /** Its last verification, as it is recorded beside the data. */
  get verification(): VerificationRecord {
    return this.#store.verification
  }

  /** Of the generation that the outputs name. */
  get shards(): ShardCollections {
    return this.generations.first.shards
  }

  /** The deployment's embedding model, for who makes lost vectors again. */
  get embedder(): TextEmbedder {
    return this.generations.first.embedder
  }

  /**
   * A creator's scope.
   * @throws Failure `misused` for what is no creator id, and for those reserved for the verification
   */
  creator(id: unknown): Creator {
    return new Creator(this.#store, parseCallersId(id))
  }

  /**
   * Puts documents of many creators in, in place of those of the same ids. Made for loading much: it takes far
   * fewer requests than one creator after another. Fails as a whole or in part; a repeat mends it.
   * @param documents by creator id
   * @throws Failure `misused` before anything is written
   */
  async upsert(
    documents: ReadonlyMap<string, readonly NewDocument[]>,
    signal?: AbortSignal,
  ): Promise<void> {
    const valid = [...documents].map(([id, own]) => [parseCallersId(id), own] as const)
    await upsertAll(this.#store, new Map(valid), signal)
  }

  /**
   * Puts documents back that were taken out of a store before, as they were: with their vectors, and when they were
   * written. Whole documents, and fewer requests than one creator after another takes.
   * @param documents by creator id
   * @returns documents that were put in
   * @throws Failure `misused` before anything is written
   */
  async putBack(
    documents: ReadonlyMap<string, readonly ReadyDocument[]>,
    there: WhatIsThere,
    signal?: AbortSignal,
  ): Promise<number> {
    const valid = [...documents].map(([id, own]) => [parseCallersId(id), own] as const)
    for (const [, own] of valid) checkDocuments(own)
    return putAll(this.#store, new Map(valid), there, signal)
  }

  /**
   * The scope of a creator of the verification, whose records say so.
   * @param name what follows the reserved prefix
   */
  probe(name: string): Creator {
    const marks = { metadata: VERIFICATION_MARKS, tag: () => VERIFICATION }
    return new Creator(this.#store, parseCreatorId(RESERVED_PREFIX + name), marks)
  }

  /** How the records lie in the shards. */
  async statistics(signal?: AbortSignal): Promise<StoreStatistics> {
    return statistics((await this.generations.newest(signal)).shards, signal)
  }
}

function parseCallersId(id: unknown): CreatorId {
  const valid = parseCreatorId(id)
  if (!isReserved(valid)) return valid
  throw new Failure(
    'misused',
    `Creator ids that start with ${RESERVED_PREFIX} are reserved for the verification`,
  )
}
