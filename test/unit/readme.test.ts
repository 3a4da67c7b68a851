import { expect, it } from 'vitest'
import { generatedSections, readReadme, sectionOf } from '../support/docs/readme.ts'

it('the README shows the settings and checks that there are; npm run readme writes them', async () => {
  const readme = await readReadme()
  for (const [section, text] of Object.entries(await generatedSections())) {
    expect(sectionOf(readme, section)).toBe(text)
  }
})
