import { loopbackUrl, placesOf } from '../../infra/local/places.ts'
import { readStackFile } from '../../infra/settings-file.ts'
import { isAlive, readRecord } from '../processes/record.ts'
import { type CommandSpec, STACK_FLAGS, type StackOptions } from './command.ts'

/** What of a stack runs, seen from the machine and not from the state. */
export const status: CommandSpec<StackOptions> = {
  name: 'status',
  description: 'show what runs',
  options: STACK_FLAGS,
  async run(options) {
    const { settings } = await readStackFile(options.stack, options.configFile)
    const processes = await Promise.all(
      placesOf(settings).map(async place => {
        const running = await readRecord(place.record)
        const pid = running !== undefined && isAlive(running) ? running.pid : null
        const { name, log } = place
        return { name, url: loopbackUrl(place), running: pid !== null, pid, log }
      }),
    )
    const rows = processes.map(
      ({ name, url, pid, log }) =>
        `  ${name.padEnd(10)} ${url.padEnd(24)} ${(pid === null ? 'does not run' : `process ${pid}`).padEnd(16)} ${log}`,
    )
    return {
      text: [`Stack ${settings.stack} in ${settings.home}`, ...rows].join('\n'),
      document: { stack: settings.stack, home: settings.home, processes },
    }
  },
}
