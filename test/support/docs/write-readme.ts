import { generatedSections, writeSection } from './readme.ts'

for (const [section, text] of Object.entries(await generatedSections())) {
  await writeSection(section, text)
}
