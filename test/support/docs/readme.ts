import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { ALL } from '../../../checks/all-checks.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { DEFECTS } from '../../faults/defects.ts'

/** The README's parts that are made from the code: `npm run readme` writes them, and a test holds them to it. */
const README = join(PROJECT_ROOT, 'README.md')

export async function generatedSections(): Promise<Record<string, string>> {
  return { settings: await settingsTable(), checks: checksTable(), defects: defectsTable() }
}

export const readReadme = (): Promise<string> => readFile(README, 'utf8')

/**
 * Puts a text between the comments that name a section.
 * @throws Error when the README has no such section
 */
export async function writeSection(section: string, text: string): Promise<void> {
  const readme = await readReadme()
  const { from, to } = placeOf(readme, section)
  await writeFile(README, `${readme.slice(0, from)}\n${text}\n${readme.slice(to)}`)
}

export function sectionOf(readme: string, section: string): string {
  const { from, to } = placeOf(readme, section)
  return readme.slice(from, to).trim()
}

function placeOf(readme: string, section: string) {
  const start = `<!-- ${section} -->`
  const from = readme.indexOf(start) + start.length
  const to = readme.indexOf(`<!-- /${section} -->`)
  if (from < start.length || to === -1) throw new Error(`README.md has no section ${section}`)
  return { from, to }
}

async function settingsTable(): Promise<string> {
  const project = parse(await readFile(join(PROJECT_ROOT, 'Pulumi.yaml'), 'utf8'))
  const rows = Object.entries<{ default: unknown; description: string }>(project.config).map(
    ([key, { default: value, description }]) =>
      `| \`${key}\` | ${value === '' ? '' : `\`${JSON.stringify(value)}\``} | ${description} |`,
  )
  return ['| `knowledge-stack:…` | Default | Meaning |', '|---|---|---|', ...rows].join('\n')
}

function checksTable(): string {
  const rows = ALL.map(({ name, proves }) => `| \`${name}\` | ${proves} |`)
  return ['| Check | What is true when it passes |', '|---|---|', ...rows].join('\n')
}

/** What test/faults makes wrong, and proves to be caught by these very checks. */
function defectsTable(): string {
  const rows = DEFECTS.map(({ defect, done, caughtBy, deep }) => {
    const checks = caughtBy.map(name => `\`${name}\``).join(', ')
    return `| ${defect} | ${done} | ${checks}${deep ? ', with `--deep`' : ''} |`
  })
  return [
    '| Defect | What was done to the deployment | Caught by |',
    '|---|---|---|',
    ...rows,
  ].join('\n')
}
