import { createInterface } from 'node:readline/promises'
import { Failure } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { formatBytes } from '../../infra/units.ts'
import { sizeOfHome } from './home-contents.ts'

/**
 * Has a person confirm what cannot be undone, by the stack's name; `--yes` does so for those who have no terminal.
 * @param things what goes beside what the stack made in its home folder; empty for nothing
 * @throws Failure `misused` when nobody is there to say yes, or something else was said
 */
export async function confirmPurge(
  settings: Settings,
  things: string,
  signal: AbortSignal,
): Promise<void> {
  const { stack, home } = settings
  const folder = `${formatBytes(await sizeOfHome(settings))} in ${home}`
  const loss = [folder, things].filter(Boolean).join(' and ')
  const mend = `npm run down -- --stack ${stack} --purge --yes`
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Failure('misused', `A purge of stack ${stack} would delete ${loss}, for good`, {
      mend,
    })
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(
      `This deletes ${loss}, for good. The name of the stack to go on: `,
      { signal },
    )
    if (answer.trim() === stack) return
    throw new Failure('misused', `Nothing was deleted: ${JSON.stringify(answer)} is not ${stack}`, {
      mend,
    })
  } finally {
    terminal.close()
  }
}
