import { type Bytes, MiB } from '../units.ts'

// How much of a server's log is kept, in files on this machine as in those of the Docker Engine.

/** A log that has outgrown this is set aside. */
export const LOG_SIZE: Bytes = 10 * MiB
/** Files of one log, with the one that is written to. */
export const LOG_FILES = 3

/** The files of a log, the newest first. */
export const filesOfLog = (log: string): string[] => [
  log,
  ...Array.from({ length: LOG_FILES - 1 }, (_, index) => `${log}.${index + 1}`),
]
