import { writePulumiProject } from './pulumi-schema.ts'
import { generatedSections, writeSection } from './readme.ts'

await writePulumiProject()
for (const [section, text] of Object.entries(await generatedSections())) {
  await writeSection(section, text)
}
