import { readStackFile } from '../../infra/settings-file.ts'
import { processesOf } from '../processes/preflight.ts'
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
      processesOf(settings).map(async ({ tool, port, record, log }) => {
        const running = await readRecord(record)
        const alive = running !== undefined && isAlive(running)
        return {
          tool,
          url: `http://127.0.0.1:${port}`,
          running: alive,
          pid: alive ? running.pid : null,
          log,
        }
      }),
    )
    const rows = processes.map(
      ({ tool, url, pid, log }) =>
        `  ${tool.padEnd(8)} ${url.padEnd(24)} ${pid === null ? 'does not run' : `process ${pid}`.padEnd(16)} ${log}`,
    )
    return {
      text: [`Stack ${settings.stack} in ${settings.home}`, ...rows].join('\n'),
      document: { stack: settings.stack, home: settings.home, processes },
    }
  },
}
