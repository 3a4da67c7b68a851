import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../../infra/failure.ts'
import { warningsOf } from '../../../infra/settings/settings-warnings.ts'
import { openStackFile } from '../../read-models.ts'
import { collectObjects } from '../../render/collect.ts'
import { manifestsOf } from '../../render/manifests.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from '../command.ts'

interface RenderOptions extends StackOptions {
  out: string
  secrets?: boolean
}

/** Files that an earlier run has written. */
const OURS = /^\d\d-[a-z]+-.*\.yaml$/
/** For the owner's eyes. */
const SECRET_MODE = 0o600

/** The resources of a stack as plain manifests, for those who apply them with other tools. */
export const render: CommandSpec<RenderOptions> = {
  name: 'render',
  description: 'write a stack of the target kubernetes as plain manifests',
  options: [
    ...STACK_FLAGS,
    { flags: '--out <folder>', description: 'where to', required: true },
    {
      flags: '--secrets',
      description: 'write the Secrets too, with their values, readable for you only',
    },
  ],
  async run({ out, secrets, ...options }, { steps }) {
    const stack = await openStackFile(options.stack, options.configFile)
    const { settings } = stack
    if (settings.target !== 'kubernetes') {
      throw new Failure(
        'misused',
        `Stack ${settings.stack} has the target ${settings.target}; only one of kubernetes has manifests`,
        { mend: 'npm run render -- --stack prod --out <folder>' },
      )
    }
    for (const warning of warningsOf(settings)) steps.note(warning)
    const { namespace } = settings.kubernetes
    const all = await steps.run(
      'render',
      async () => manifestsOf(await collectObjects(stack), namespace),
      found => `${found.length} objects`,
    )
    const written = all.filter(({ secret }) => secrets || !secret)
    const left = all.filter(manifest => !written.includes(manifest)).map(({ file }) => file)
    await mkdir(out, { recursive: true })
    const earlier = (await readdir(out)).filter(file => OURS.test(file))
    await Promise.all(earlier.map(file => rm(join(out, file))))
    for (const { file, text, secret } of written) {
      await writeFile(join(out, file), text, secret ? { mode: SECRET_MODE } : {})
    }
    const note =
      left.length === 0
        ? ''
        : `\nLeft out, for their values: ${left.join(', ')}; --secrets writes them too`
    return {
      text: `${written.length} manifests in ${out}: kubectl apply --server-side -f ${out}${note}`,
      document: { stack: settings.stack, out, files: written.map(({ file }) => file), left },
    }
  },
}
