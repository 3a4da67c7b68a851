import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../project.ts'

/** Runs a Chroma server and starts it again after its disk was full; see there. */
export const WATCHDOG_FILE = join(PROJECT_ROOT, 'infra/servers/chroma-watchdog.sh')

/** The same as a text, for containers. */
export const watchdogScript = (): string => readFileSync(WATCHDOG_FILE, 'utf8')

/** On a machine: the file beside the data of a server that is there as long as the server may be asked to write. */
export const roomFileOf = (dataFolder: string): string => `${dataFolder}.room`

/** The file in the data of a server that is there as long as another process rewrites its database. */
export const REWRITING = 'rewriting'

/** The folder in the data of a server that an upgrade keeps a copy of it in. */
export const COPY_FOLDER = 'before-upgrade'

/** The file that who finds that a server has met a full disk takes away, so that it is started again. */
export const soundFileOf = (dataFolder: string): string => `${roomFileOf(dataFolder)}.sound`
