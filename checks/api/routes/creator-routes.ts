import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { exportCreator } from '../../archive/export-creator.ts'
import { forgetCreator } from '../../forget/forget-creator.ts'
import type { Knowledge } from '../../store/knowledge.ts'
import { HttpError } from '../errors.ts'
import { DOCUMENT_BODY, DOCUMENT_WORK } from '../traffic/limits.ts'
import { responsesOf, success } from '../traffic/response-size.ts'
import {
  BYTES,
  CreatorPath,
  Deleted,
  Document,
  DocumentPath,
  Documents,
  Hits,
  NewDocument,
  PARQUET,
  ParquetFile,
  Question,
  Stored,
  Usage,
} from './knowledge-schemas.ts'
import { PageQuery } from './paging.ts'

/** What a number of 32 bits has. */
const FLOAT_DIGITS = 7

/** What is said of every route. */
const CREATORS = { tags: ['creators'] }

/** One creator's documents and questions. Each route asks for a token of this creator, or of the scope service. */
export const creators: FastifyPluginAsyncZod<{
  knowledge: Knowledge
  now: () => number
}> = async (api, { knowledge, now }) => {
  api.put(
    '/documents/:document',
    {
      bodyLimit: DOCUMENT_BODY,
      config: { access: 'creator', lane: 'write', work: DOCUMENT_WORK },
      schema: {
        operationId: 'putDocument',
        summary: 'Put a document in, in place of the one of this id',
        description:
          'Answers when the document is stored. After an error it is the new one or the old one, never a part of each.',
        ...CREATORS,
        params: DocumentPath,
        body: NewDocument,
        response: {
          ...responsesOf('Stored, in place of the one of this id', Stored, 401, 403, 413, 415, 507),
          201: success('Stored, where there was none of this id', Stored),
        },
      },
    },
    async ({ params: { creator, document }, body, life }, reply) => {
      const [put] = await knowledge.creator(creator).upsert([{ id: document, ...body }], life)
      const { isNew, ...stored } = put!
      return reply.code(isNew ? 201 : 200).send(stored)
    },
  )

  api.get(
    '/documents',
    {
      config: { access: 'creator', lane: 'read' },
      schema: {
        operationId: 'listDocuments',
        summary: 'List the documents',
        ...CREATORS,
        params: CreatorPath,
        querystring: PageQuery,
        response: responsesOf(
          'The documents by their ids, whatever comes and goes between two pages',
          Documents,
          401,
          403,
        ),
      },
    },
    async ({ params: { creator }, query, life }) => {
      const { items, next } = await knowledge.creator(creator).documentsPage(query, life)
      return { documents: items, next }
    },
  )

  api.get(
    '/documents/:document',
    {
      config: { access: 'creator', lane: 'read' },
      schema: {
        operationId: 'getDocument',
        summary: 'Read a document, chunk by chunk',
        ...CREATORS,
        params: DocumentPath,
        querystring: PageQuery,
        response: responsesOf('The document', Document, 401, 403, 404, 409),
      },
    },
    async ({ params: { creator, document }, query, life }) => {
      const { items, next } = await knowledge
        .creator(creator)
        .getPage({ documents: [document] }, query, life)
      const [first] = items
      if (first === undefined) {
        throw new HttpError(
          404,
          'not-found',
          'There is no such document, or no chunk so far into it',
        )
      }
      const { metadata, createdAt, updatedAt } = first
      return { document, metadata, createdAt, updatedAt, chunks: items, next }
    },
  )

  api.delete(
    '/documents/:document',
    {
      config: { access: 'creator', lane: 'write' },
      schema: {
        operationId: 'deleteDocument',
        summary: 'Delete a document; one that is not there is no error',
        ...CREATORS,
        params: DocumentPath,
        response: responsesOf('Gone', Deleted, 401, 403, 507),
      },
    },
    async ({ params: { creator, document }, life }) => ({
      deletedChunks: await knowledge.creator(creator).delete({ documents: [document] }, life),
    }),
  )

  api.get(
    '/export',
    {
      config: { access: 'creator', lane: 'read', work: DOCUMENT_WORK },
      schema: {
        operationId: 'exportCreator',
        summary: 'All that the creator has, as one Parquet file',
        description:
          'With a row for each chunk, and the columns of an archive of npm run backup: texts, metadata, times and vectors. An answer that is cut off has no footer, and no program opens it.',
        ...CREATORS,
        params: CreatorPath,
        response: { ...responsesOf('', z.any(), 401, 403), 200: ParquetFile },
      },
    },
    async ({ params: { creator }, headers, life }, reply) => {
      const pieces = exportCreator(knowledge, knowledge.creator(creator).id, life)
      // Before the status is out: whoever may not, or asks for what cannot be read, is told so.
      const first = await pieces.next()
      const all = async function* () {
        if (!first.done) yield first.value
        yield* pieces
      }
      return reply
        .type(headers.accept === BYTES ? BYTES : PARQUET)
        .header('content-disposition', 'attachment; filename="creator.parquet"')
        .send(Readable.from(all()) as never)
    },
  )

  api.delete(
    '',
    {
      config: { access: 'creator', lane: 'write' },
      schema: {
        operationId: 'forgetCreator',
        summary: 'Forget the creator: all its documents are gone, and its tokens are void',
        description:
          'Gone from all answers when this answers. What is left in the files of the servers is erased by the next npm run forget, which names whose it is.',
        ...CREATORS,
        params: CreatorPath,
        response: responsesOf('Forgotten', Deleted, 401, 403, 507),
      },
    },
    async ({ params: { creator } }) => {
      const { chunks } = await forgetCreator(knowledge, creator, now())
      return { deletedChunks: chunks }
    },
  )

  api.get(
    '/usage',
    {
      config: { access: 'creator', lane: 'read' },
      schema: {
        operationId: 'getUsage',
        summary: 'What the creator has, and may have at most',
        ...CREATORS,
        params: CreatorPath,
        response: responsesOf('What it has and may have', Usage, 401, 403),
      },
    },
    async ({ params: { creator }, life }) => {
      const { quota, ...usage } = await knowledge.creator(creator).usage(life)
      return { ...usage, maxRecords: quota?.records ?? null, maxBytes: quota?.bytes ?? null }
    },
  )

  api.post(
    '/query',
    {
      config: { access: 'creator', lane: 'read' },
      schema: {
        operationId: 'query',
        summary: 'Find the chunks nearest to a text or a vector',
        ...CREATORS,
        params: CreatorPath,
        body: Question,
        response: responsesOf('The nearest chunks, nearest first', Hits, 401, 403, 413, 415),
      },
    },
    async ({ params: { creator }, body: { count, filter, documents, ...question }, life }) => ({
      hits: (
        await knowledge.creator(creator).query(question, { count, filter, documents }, life)
      ).map(hit => ({ ...hit, distance: Number(hit.distance.toPrecision(FLOAT_DIGITS)) })),
    }),
  )
}
