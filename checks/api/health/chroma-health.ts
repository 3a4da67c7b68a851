import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import { databaseOf } from '../../../infra/shards.ts'
import { seconds } from '../../../infra/units.ts'
import type { ChromaServer } from '../../chroma/chroma-server.ts'
import type { Disk } from '../../chroma/disk-room.ts'
import type { ConnectedDeployment } from '../../connected-deployment.ts'
import { examine, type Health, type Look } from './health-report.ts'

/**
 * Whether the Chroma servers answer and can be read. Chroma's own health route says yes whatever happens to the
 * data, so collections and records are looked at too, and whether its disk has room. That writing works is for the
 * verification to prove: on a full disk, a write that was tried would do harm that lasts (CHROMA_RESERVE).
 */
export function chromaHealth({ chroma, outputs }: ConnectedDeployment): Promise<Health> {
  const database = databaseOf(outputs.chroma.generation)
  return examine(
    chroma.map(server => ({
      server: server.connection.label,
      looks: [heartbeat(server), shards(server, database), ...disk(server)],
    })),
  )
}

const heartbeat = ({ connection }: ChromaServer): Look => ({
  checked: 'heartbeat',
  async look(signal) {
    // Tried once: this is what anyone who asks now would meet.
    const call = { deadline: seconds(5), repeatable: false, signal }
    await connection.json('/api/v2/heartbeat', z.unknown(), call)
    return 'it answers'
  },
})

const shards = (server: ChromaServer, database: string): Look => ({
  checked: 'shards',
  async look(signal) {
    const collections = await server.collections(database, signal)
    const sizes = await Promise.all(
      collections.map(({ id }) => server.records(database, id).size(signal)),
    )
    const records = sizes.reduce((sum, size) => sum + size, 0)
    if (collections.length === 0) return 'it can be read, and nothing is in it yet'
    return `${collections.length} shards with ${records} records can be read`
  },
})

const disk = ({ disk }: ChromaServer): Look[] =>
  disk === undefined ? [] : [{ checked: 'disk', look: signal => roomOn(disk, signal) }]

/** Without what mends it: anyone may ask for health, and the folders of this machine are no matter of theirs. */
const roomOn = (disk: Disk, signal: AbortSignal): Promise<string> =>
  disk.requireRoom(signal).catch(error => {
    throw error instanceof Failure ? new Error(error.message) : new Error('its disk cannot be seen')
  })
