import { createHash } from 'node:crypto'
import { TENANT } from '../../../checks/chroma/chroma-server.ts'
import type { ConnectedDeployment } from '../../../checks/connected-deployment.ts'

/** All that a deployment's Chroma servers hold: databases, collections with their settings, and every record's hash. */
export async function snapshot(deployment: ConnectedDeployment): Promise<unknown[]> {
  const found: unknown[] = []
  for (const server of deployment.chroma) {
    for (const database of await server.databases()) {
      for (const info of await server.collections(database)) {
        const path = `/api/v2/tenants/${TENANT}/databases/${database}/collections/${info.id}`
        const records = await readAll(server.connection.url + path)
        found.push({ database, info, size: records.length, hash: hash(records.sort()) })
      }
      found.push(database)
    }
  }
  return found
}

async function readAll(collection: string): Promise<string[]> {
  const response = await fetch(`${collection}/get`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ include: ['metadatas', 'documents', 'embeddings'] }),
  })
  const all = (await response.json()) as Record<
    'ids' | 'metadatas' | 'documents' | 'embeddings',
    unknown[]
  >
  return all.ids.map((id, index) =>
    JSON.stringify([id, sorted(all.metadatas[index]), all.documents[index], all.embeddings[index]]),
  )
}

/** The server gives the keys of a record in any order. */
const sorted = (metadata: unknown) => Object.entries(metadata as object).sort()

const hash = (records: string[]): string =>
  createHash('sha256').update(records.join('\n')).digest('hex')
