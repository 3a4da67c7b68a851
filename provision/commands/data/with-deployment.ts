import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import type { StackFile } from '../../../infra/settings/settings-file.ts'
import { adoptEarlierRecord } from '../../backup/earlier-record.ts'
import { requireNoBackup } from '../../backup/under-way.ts'
import { deployedFrom } from '../../deployed.ts'
import { openStackFile } from '../../read-models.ts'
import { withStackLock } from '../../stack-lock.ts'
import { requireNoUpgrade } from '../../upgrade/upgrade-record.ts'
import type { CommandContext, StackOptions } from '../command.ts'

/**
 * Does work on the data of a deployed stack, while no other command changes the stack.
 * @param name of the command, for those who find the stack locked
 * @throws Failure `unavailable` that names who else is at it; `refused` in the middle of an upgrade
 */
export async function withDeployment<Result>(
  options: StackOptions,
  name: string,
  { steps, signal }: CommandContext,
  work: (deployment: ConnectedDeployment, stack: StackFile) => Promise<Result>,
): Promise<Result> {
  const stack = await openStackFile(options.stack, options.configFile)
  const { settings } = stack
  return withStackLock(settings, `${name} of stack ${settings.stack}`, async () => {
    await requireNoUpgrade(settings)
    const { outputs } = await deployedFrom(stack, steps)
    const deployment = await openDeployment(outputs)
    try {
      const { backups } = deployment.knowledge()
      await requireNoBackup(backups, signal)
      await adoptEarlierRecord(settings.home, backups)
      return await work(deployment, stack)
    } finally {
      await deployment.close()
    }
  })
}
