import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BesideReport, BesideRequest } from '../../checks/chroma-files/beside-data.ts'
import { PRIVATE_FILE } from '../../infra/private-files.ts'
import { PROJECT_ROOT } from '../../infra/project.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { runProgram } from '../run-program.ts'
import { BESIDE_DATA, readBesideReport } from './beside-report.ts'

/** In a process of this machine: SQLite holds the thread that it works in. */
export async function besideProcess(
  { home }: Settings,
  instance: number,
  request: Omit<BesideRequest, 'data'>,
): Promise<BesideReport> {
  const paths = localPaths(home)
  const file = join(paths.state, 'beside-data.json')
  const data = paths.chroma(instance)
  try {
    await writeFile(file, JSON.stringify({ data, ...request }), { mode: PRIVATE_FILE })
    const argv = [process.execPath, join(PROJECT_ROOT, BESIDE_DATA), file]
    const { stdout } = await runProgram(argv, { isPrivate: true })
    return readBesideReport(stdout, data)
  } finally {
    await rm(file, { force: true })
  }
}
