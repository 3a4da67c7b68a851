import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Option } from 'commander'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { COMMANDS } from '../../../provision/commands/all-commands.ts'

/** `npm run -s token -- --creator ID`: its script, and what stands behind it up to the end of the code. */
const LINE = /npm run (?:-s )?([a-z]+)((?: [^`\n|]*)?)/g
const OPTION = /(?<= )--[a-z][a-z-]+/g
/** Of every command. */
const COMMON = ['--json', '--help']

/** Command lines of a document that name a script or an option that there is not. */
export async function unknownCommandLines(document: string): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(PROJECT_ROOT, 'package.json'), 'utf8'))
  const unknown: string[] = []
  for (const [line, script, rest] of document.matchAll(LINE)) {
    const known = await optionsOf(script!)
    // Those of `bench` are read by each benchmark.
    const isKnown = (option: string) => known === undefined || known.includes(option)
    if (!(script! in scripts) || !(rest!.match(OPTION) ?? []).every(isKnown)) unknown.push(line)
  }
  return unknown
}

/** The options of a command of the command line; undefined for any other script. */
async function optionsOf(script: string): Promise<string[] | undefined> {
  const load = COMMANDS[script]
  if (load === undefined) return undefined
  const own = (await load()).options.map(({ flags }) => new Option(flags).long ?? '')
  return [...COMMON, ...own]
}
