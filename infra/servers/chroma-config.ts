import { stringify } from 'yaml'

/**
 * The configuration file of a Chroma server, on loopback of its machine or network namespace. Nobody can have it
 * wipe its whole store.
 * @param folder where it keeps its data
 */
export const chromaConfig = (port: number, folder: string): string =>
  stringify({
    port,
    listen_address: '127.0.0.1',
    persist_path: folder,
    allow_reset: false,
  })
