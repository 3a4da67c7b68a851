import type { Settings } from '../../infra/settings/parse-settings.ts'
import { formatBytes } from '../../infra/units.ts'
import { confirm } from '../confirm.ts'
import { sizeOfHome } from './home-contents.ts'

/**
 * Has a person confirm a purge.
 * @param things what goes beside what the stack made in its home folder; empty for nothing
 * @throws Failure as `confirm` does
 */
export async function confirmPurge(
  settings: Settings,
  things: string,
  signal: AbortSignal,
): Promise<void> {
  const { stack, home } = settings
  const folder = `${formatBytes(await sizeOfHome(settings))} in ${home}`
  const loss = [folder, things].filter(Boolean).join(' and ')
  const question = {
    stack,
    statement: `A purge of stack ${stack} would delete ${loss}, for good`,
    warning: `This deletes ${loss}, for good`,
    mend: `npm run down -- --stack ${stack} --purge --yes`,
  }
  await confirm(question, signal)
}
