import { rm } from 'node:fs/promises'
import { z } from 'zod'
import { writePrivateFile } from '../../infra/private-files.ts'
import { readJsonIfSound } from '../json-record.ts'
import { processStart } from '../process-identity.mjs'

const Identified = z.object({
  pid: z.int().positive(),
  /** When it started; tells it from a later process with the same pid. */
  identity: z.string(),
})
/** A process that cannot be taken for another. */
export type Identified = z.infer<typeof Identified>

const Running = Identified.extend({
  /** What it and all that it starts carry (tracking.ts); records of earlier versions have none. */
  trackingId: z.string().optional(),
})
export type Running = z.infer<typeof Running>

/** Written before the start: a kill between the two leaves no process that nobody knows of. */
const Starting = z.object({ trackingId: z.string() })

/** What is written down of a process, beside the state of Pulumi, so that a killed update leaves no orphan. */
const ProcessRecord = z.union([Running, Starting])
export type ProcessRecord = z.infer<typeof ProcessRecord>

export const isAlive = (record: ProcessRecord): record is Running =>
  'pid' in record && processStart(record.pid) === record.identity

/** The processes of some pids, without those that have ended. */
export const identify = (pids: readonly number[]): Identified[] =>
  pids.flatMap(pid => {
    const identity = processStart(pid)
    return identity === undefined ? [] : [{ pid, identity }]
  })

/** The record of a process, alive or dead; undefined when there is none that can be read. */
export const readProcessRecord = (file: string): Promise<ProcessRecord | undefined> =>
  readJsonIfSound(file, ProcessRecord)

export const writeProcessRecord = (file: string, record: ProcessRecord): Promise<void> =>
  writePrivateFile(file, JSON.stringify(record))

export const removeProcessRecord = (file: string): Promise<void> => rm(file, { force: true })
