import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { readJsonIfSound } from '../json-record.ts'
import { PINS, type ToolName } from './pinned-tools.ts'

/** Which way a part was come by and why, so that the ways that did not serve are not tried at every start. */
const Choice = z.object({ way: z.string(), why: z.string() })
export type Choice = z.infer<typeof Choice>

/** @returns undefined when none was made yet, for this version */
export const readChoice = (part: ToolName, cache: string): Promise<Choice | undefined> =>
  readJsonIfSound(fileOf(part, cache), Choice)

/** Written in one step, so that a reader beside it finds the old one or the new one. */
export async function writeChoice(part: ToolName, cache: string, choice: Choice): Promise<void> {
  const file = fileOf(part, cache)
  const draft = `${file}.${process.pid}`
  await mkdir(dirname(file), { recursive: true })
  await writeFile(draft, `${JSON.stringify(choice, null, 2)}\n`)
  await rename(draft, file)
}

function fileOf(part: ToolName, cache: string): string {
  return join(cache, 'tools', `${part}-${PINS[part].version}.json`)
}
