import { readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { makePrivateFolder, writePrivateFile } from '../../infra/private-files.ts'
import { processStart } from '../process-identity.mjs'

/** What is written down of a running process, beside the state of Pulumi, so that a killed update leaves no orphan. */
const Running = z.object({
  pid: z.int().positive(),
  /** When it started; tells it from a later process with the same pid. */
  identity: z.string(),
})
export type Running = z.infer<typeof Running>

export const isAlive = ({ pid, identity }: Running): boolean => processStart(pid) === identity

/** The process of a record, alive or dead; undefined when there is no record that can be read. */
export async function readRecord(file: string): Promise<Running | undefined> {
  try {
    return Running.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}

export async function writeRecord(file: string, running: Running): Promise<void> {
  await makePrivateFolder(dirname(file))
  await writePrivateFile(file, JSON.stringify(running))
}

export const removeRecord = (file: string): Promise<void> => rm(file, { force: true })
