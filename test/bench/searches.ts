import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../../infra/project.ts'
import { runProgram } from '../../provision/run-program.ts'
import { SEARCHES, WHOLE_SEARCHES } from '../support/searches.ts'
import type { Bench } from './bench.ts'

/** What vitest's JSON reporter says of a file. */
interface FileResult {
  name: string
  startTime: number
  endTime: number
  assertionResults: { status: string; fullName: string }[]
}

/** The tests that search large spaces, with all of their cases. */
export const searches: Bench = {
  name: 'searches',
  async run() {
    const folder = await mkdtemp(join(tmpdir(), 'searches-'))
    try {
      const report = join(folder, 'report.json')
      const files = Object.values(SEARCHES).map(({ file }) => file)
      const vitest = ['vitest', 'run', '--project', 'integration', '--reporter', 'json']
      await runProgram([...vitest, '--outputFile', report, ...files], {
        cwd: PROJECT_ROOT,
        env: { ...process.env, [WHOLE_SEARCHES]: 'whole' },
      })
      const { testResults } = JSON.parse(await readFile(report, 'utf8')) as {
        testResults: FileResult[]
      }
      return { markdown: table(testResults), figures: testResults }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

function table(results: readonly FileResult[]): string {
  const rows = Object.entries(SEARCHES).map(([search, { file, sample, whole }]) => {
    const result = results.find(({ name }) => name.endsWith(file))
    const failed = result?.assertionResults.filter(({ status }) => status === 'failed').length
    const seconds = result && Math.round((result.endTime - result.startTime) / 1000)
    return [search, sample, whole, `\`${file}\``, seconds ?? 'not run', failed ?? 'not run']
  })
  return [
    '| Searched | Sample | Whole | Tests | Seconds for the whole | Failed |',
    '|---|---|---|---|---|---|',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n')
}
