import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROJECT_ROOT } from '../../infra/project.ts'
import { unknownCommandLines } from '../support/docs/command-lines.ts'
import { generatedSections, readDocument, readSection } from '../support/docs/readme.ts'
import { brokenLinks, missingPaths } from '../support/docs/references.ts'

const LONGEST_README = 200
const MOST_TERMS = 25

const docs = readdirSync(join(PROJECT_ROOT, 'docs')).map(name => `docs/${name}`)
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', ...docs]

it.each(Object.entries(await generatedSections()))(
  'the documents show %s as the code has it; npm run readme writes it',
  async (section, text) => {
    expect(await readSection(section)).toBe(text)
  },
)

it(`README has at most ${LONGEST_README} lines, besides its examples`, async () => {
  const examples = /^<!-- (example-\w+) -->.*?^<!-- \/\1 -->$/gms
  const text = (await readDocument('README.md')).replaceAll(examples, '')
  const lines = text.trimEnd().split('\n')
  expect(lines.length).toBeLessThanOrEqual(LONGEST_README)
})

describe.each(DOCUMENTS)('%s', file => {
  it('links to files and headings that there are', async () => {
    expect(await brokenLinks(file, readDocument)).toEqual([])
  })

  it('names files and folders of the tree that there are', async () => {
    expect(missingPaths(await readDocument(file))).toEqual([])
  })

  it('has command lines with scripts and options that there are', async () => {
    expect(await unknownCommandLines(await readDocument(file))).toEqual([])
  })
})

it(`the glossary has at most ${MOST_TERMS} terms`, async () => {
  const [, glossary = ''] = (await readDocument('CONTRIBUTING.md')).split('## Glossary')
  const [, ...rows] = [...glossary.matchAll(/^\| ([^|]+) \|/gm)]
  const terms = rows.flatMap(([, named]) => named!.split(', '))
  expect(terms).not.toEqual([])
  expect(terms.length).toBeLessThanOrEqual(MOST_TERMS)
})
