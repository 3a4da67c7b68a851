import { Option } from 'commander'
import { Failure } from '../../infra/failure.ts'
import { requireRightLine } from '../../provision/npm/require-right-line.ts'
import { writeSection } from '../support/docs/readme.ts'
import { archive } from './archive.ts'
import { archiveMemory } from './archive-memory.ts'
import { attacks } from './attacks.ts'
import type { Bench } from './bench.ts'
import { capacity } from './capacity.ts'
import { chromaMemory } from './chroma-memory.ts'
import { dataKills } from './data-kills.ts'
import { docker } from './docker.ts'
import { dryRun } from './dry-run.ts'
import { interrupted } from './interrupted.ts'
import { kills } from './kills.ts'
import { knowledge } from './knowledge.ts'
import { lifecycle } from './lifecycle.ts'
import { reshard } from './reshard.ts'
import { scheduler } from './scheduler.ts'
import { searches } from './searches.ts'

/**
 * npm run bench -- <name> [--write] …
 * Prints the table; with --write it takes the place of the one in docs/benchmarks.md.
 */
const BENCHES: Bench[] = [
  lifecycle,
  knowledge,
  capacity,
  dryRun,
  chromaMemory,
  scheduler,
  docker,
  searches,
  kills,
  interrupted,
  attacks,
  reshard,
  dataKills,
  archive,
  archiveMemory,
]

const OPTIONS = [
  '--write',
  '--json',
  '--gpu',
  '--creators <number>',
  '--chunks <number>',
  '--incidents <number>',
  '--seed <number>',
  '--target <name>',
]

const USAGE = `npm run bench -- ${BENCHES.map(({ name }) => name).join(' | ')} [--write] …
Measures, and prints the table; with --write it takes the place of the one in docs/benchmarks.md.
Options: ${OPTIONS.join(', ')}
`

const [name, ...flags] = process.argv.slice(2)
if (process.argv.includes('--help') || process.argv.includes('-h')) {
  process.stdout.write(USAGE)
  process.exit(0)
}
try {
  requireRightLine(
    'bench',
    OPTIONS.map(flags => new Option(flags)),
    process.argv.slice(2),
    [],
  )
} catch (error) {
  if (!(error instanceof Failure)) throw error
  process.stderr.write(`${error.text}\n`)
  process.exit(error.exitCode)
}
const bench = BENCHES.find(candidate => candidate.name === name)
if (bench === undefined) {
  process.stderr.write(`Which one? ${USAGE}`)
  process.exit(2)
}
const {
  markdown,
  figures,
  section = bench.name,
} = await bench.run(flags).catch(error => {
  if (!(error instanceof Failure)) throw error
  process.stderr.write(`${error.text}\n`)
  process.exit(error.exitCode)
})
process.stdout.write(flags.includes('--json') ? JSON.stringify(figures, null, 2) : `${markdown}\n`)
if (flags.includes('--write')) await writeSection(`bench:${section}`, markdown)
