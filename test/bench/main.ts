import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../../infra/settings-file.ts'
import type { Bench } from './bench.ts'
import { lifecycle } from './lifecycle.ts'

/**
 * npm run bench -- <name> [--write] …
 * Prints the table; with --write it takes the place of the one in the README.
 */
const BENCHES: Bench[] = [lifecycle]

const [name, ...flags] = process.argv.slice(2)
const bench = BENCHES.find(candidate => candidate.name === name)
if (bench === undefined) {
  process.stderr.write(
    `Which one? npm run bench -- ${BENCHES.map(({ name }) => name).join(' | ')} [--write]\n`,
  )
  process.exit(2)
}
const { markdown, figures } = await bench.run(flags)
process.stdout.write(flags.includes('--json') ? JSON.stringify(figures, null, 2) : `${markdown}\n`)
if (flags.includes('--write')) await writeIntoReadme(bench.name, markdown)

/** A benchmark's place in the README lies between two comments that name it. */
async function writeIntoReadme(section: string, text: string): Promise<void> {
  const file = join(PROJECT_ROOT, 'README.md')
  const readme = await readFile(file, 'utf8')
  const [start, end] = [`<!-- bench:${section} -->`, `<!-- /bench:${section} -->`]
  const [from, to] = [readme.indexOf(start), readme.indexOf(end)]
  if (from === -1 || to === -1)
    throw new Error(`README.md has no place for ${section}: ${start} … ${end}`)
  await writeFile(file, `${readme.slice(0, from + start.length)}\n${text}\n${readme.slice(to)}`)
}
