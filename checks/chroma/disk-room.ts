import { access, rm } from 'node:fs/promises'
import { z } from 'zod'
import { DISK_PATH } from '../../infra/auth-proxy/routes.ts'
import { freeBytes } from '../../infra/free-bytes.ts'
import { CHROMA_RESERVE } from '../../infra/servers/chroma-disk-reserve.ts'
import { roomFileOf, soundFileOf } from '../../infra/servers/chroma-watchdog.ts'
import { formatBytes, type Millis, seconds } from '../../infra/units.ts'
import type { Connection } from '../transport/connection.ts'
import { ServerError } from '../transport/server-error.ts'

const DEADLINE: Millis = seconds(4)

/** The disk of a Chroma server, as it is seen from here. */
export interface Disk {
  /**
   * @returns what there is, for people
   * @throws ServerError `full` when less is free than is kept so
   */
  requireRoom(signal?: AbortSignal): Promise<string>
  /** Told of a write that failed: the server may have found no room, and is to be started again then. */
  failed(error: unknown): Promise<void>
  /** Whether it is looked at before each write. A proxy in front of the server looks itself. */
  beforeWrites: boolean
}

/** @param folder of the server's data, on this machine */
export const diskOf = ({ label }: Connection, folder: string): Disk => ({
  beforeWrites: true,
  async requireRoom() {
    const free = await freeBytes(folder)
    if (free < CHROMA_RESERVE) {
      const found = `${formatBytes(free)} are free, and ${formatBytes(CHROMA_RESERVE)} are kept free`
      throw full(
        `${label} takes no writes, since its disk is full: ${found}`,
        `the disk of ${folder}`,
      )
    }
    const files = [roomFileOf(folder), soundFileOf(folder)]
    if ((await Promise.all(files.map(isThere))).includes(false)) {
      throw full(`${label} takes no writes until it was started again: its disk was full`)
    }
    return `${formatBytes(free)} are free on its disk`
  },
  async failed(error) {
    const isFull = error instanceof ServerError && error.reason === 'full'
    if (isFull || (await freeBytes(folder)) < CHROMA_RESERVE) {
      await rm(soundFileOf(folder), { force: true })
    }
  },
})

/** The disk of a server behind a proxy, which is told by the watchdog beside the server. */
export const diskBehind = (connection: Connection): Disk => ({
  beforeWrites: false,
  failed: async () => undefined,
  async requireRoom(signal) {
    const call = { deadline: DEADLINE, repeatable: true, signal }
    await connection.json(DISK_PATH, z.unknown(), call).catch(error => {
      if (error instanceof ServerError && error.reason === 'full') {
        throw full(
          `${connection.label} takes no writes, since its disk is full: less than ${formatBytes(CHROMA_RESERVE)} are free`,
        )
      }
      throw error
    })
    return `${formatBytes(CHROMA_RESERVE)} or more are free on its disk`
  },
})

const full = (message: string, disk = 'that disk') =>
  new ServerError('full', message, {
    mend: `make room on ${disk}; what is stored can be read meanwhile, and writing goes on by itself within seconds`,
  })

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )
