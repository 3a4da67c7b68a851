import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Erased } from '../../checks/chroma-files/erase-files.ts'
import { makePrivateFolder, PRIVATE_FILE } from '../../infra/private-files.ts'
import { receiptsOf } from '../../infra/settings/home-paths.ts'
import { readJsonRecord } from '../json-record.ts'

/** What a command that forgets has done, and how it knows. */
export const Receipt = z.object({
  stack: z.string(),
  /** When it was over. */
  at: z.iso.datetime(),
  creators: z.array(
    z.object({
      creator: z.string(),
      /** SHA-256 of the creator's id. */
      key: z.string(),
      /** Until when its tokens are void, and what is older does not come back, in Unix seconds. */
      until: z.int(),
      chunks: z.int(),
    }),
  ),
  /** The shards that were built anew without them. */
  shards: z.array(
    z.object({
      shard: z.int(),
      instance: z.int(),
      records: z.int(),
      /** Milliseconds for which its writers had to wait. */
      closed: z.number(),
    }),
  ),
  /** The Chroma servers from whose files the rest was taken. */
  instances: z.array(Erased.extend({ instance: z.int() })),
  search: z.object({
    /** Texts and vectors that were looked for. */
    things: z.int(),
    /** Of them, those that were found before, and afterwards. */
    before: z.int(),
    after: z.int(),
    /** Of those that were found afterwards, those that another creator has too. */
    shared: z.int(),
    /** Files that were looked through, and their bytes; logs are counted in neither. */
    files: z.int(),
    bytes: z.int(),
  }),
  /** Backups of this stack that were made before: what they have of the creators stays out of a restore. */
  backups: z.array(z.object({ place: z.string(), archive: z.string(), created: z.string() })),
})
export type Receipt = z.infer<typeof Receipt>

/** @returns the file that it is kept in */
export async function keepReceipt(home: string, receipt: Receipt): Promise<string> {
  const folder = receiptsOf(home)
  await makePrivateFolder(folder)
  const file = join(folder, `forgotten-${receipt.at.replaceAll(':', '-')}.json`)
  await writeFile(file, `${JSON.stringify(receipt, null, 2)}\n`, { mode: PRIVATE_FILE, flag: 'wx' })
  return file
}

/** Who was forgotten by these, by SHA-256 of the creator's id, and until when, in Unix seconds. */
export async function forgottenBy(folders: readonly string[]): Promise<Map<string, number>> {
  const until = new Map<string, number>()
  for (const folder of folders) {
    for (const name of (await readdir(folder)).filter(name => RECEIPT.test(name))) {
      const receipt = await readJsonRecord(join(folder, name), Receipt)
      for (const { key, until: second } of receipt?.creators ?? []) {
        until.set(key, Math.max(second, until.get(key) ?? 0))
      }
    }
  }
  return until
}

const RECEIPT = /^forgotten-.*\.json$/
