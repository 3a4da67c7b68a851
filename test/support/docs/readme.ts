import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { Backup } from '../../../infra/settings/backup-settings.ts'
import { Kubernetes } from '../../../infra/settings/kubernetes-settings.ts'
import { capacityTables } from './capacity-tables.ts'
import { checksTable, defectsTable } from './checks-tables.ts'
import { routesTable } from './routes-table.ts'
import { objectTable, settingsTable } from './settings-tables.ts'

/** The parts of the documents that are made from the code: `npm run readme` writes them, and a test holds them to it. */
const GENERATED: Record<string, () => Promise<Record<string, string>>> = {
  'README.md': async () => ({
    'example-ts': await example('find.ts', 'ts'),
    'example-py': await example('find.py', 'python'),
  }),
  'docs/api.md': async () => ({ routes: await routesTable() }),
  'docs/settings.md': async () => ({
    settings: settingsTable(),
    'backup-settings': objectTable('backup', Backup),
    'cluster-settings': objectTable('kubernetes', Kubernetes),
  }),
  'docs/sizing.md': async () => capacityTables(),
  'docs/verification.md': async () => ({ checks: checksTable(), defects: defectsTable() }),
}

/** A program of the examples, which a test runs. */
async function example(file: string, language: string): Promise<string> {
  const text = await readDocument(`examples/${file}`)
  return `\`\`\`${language}\n${text}\`\`\``
}

/** Sections of this prefix are written by `npm run bench`. */
const BENCH = 'bench:'
const BENCHMARKS = 'docs/benchmarks.md'

/** The text of each generated section, by its name. */
export async function generatedSections(): Promise<Record<string, string>> {
  const files = await Promise.all(Object.values(GENERATED).map(make => make()))
  return Object.assign({}, ...files)
}

/** The file of the tree that holds a section. */
async function fileOf(section: string): Promise<string> {
  if (section.startsWith(BENCH)) return BENCHMARKS
  for (const [file, make] of Object.entries(GENERATED)) {
    if (section in (await make())) return file
  }
  throw new Error(`No document has the section ${section}`)
}

export const readDocument = (file: string): Promise<string> =>
  readFile(join(PROJECT_ROOT, file), 'utf8')

/**
 * Puts a text between the comments that name a section, in the document that has it.
 * @throws Error when the document has no such section
 */
export async function writeSection(section: string, text: string): Promise<void> {
  const file = await fileOf(section)
  const document = await readDocument(file)
  const { from, to } = placeOf(document, section, file)
  const written = `${document.slice(0, from)}\n${text}\n${document.slice(to)}`
  await writeFile(join(PROJECT_ROOT, file), written)
}

/** The text of a section as the document has it. @throws Error when the document has no such section */
export async function readSection(section: string): Promise<string> {
  const file = await fileOf(section)
  const document = await readDocument(file)
  const { from, to } = placeOf(document, section, file)
  return document.slice(from, to).trim()
}

function placeOf(document: string, section: string, file: string) {
  const start = `<!-- ${section} -->`
  const from = document.indexOf(start) + start.length
  const to = document.indexOf(`<!-- /${section} -->`)
  if (from < start.length || to === -1) throw new Error(`${file} has no section ${section}`)
  return { from, to }
}
