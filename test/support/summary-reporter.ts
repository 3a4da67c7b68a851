import type { Reporter, TestModule } from 'vitest/node'

const LONGEST = 15
const LINES = 12
/** What tells why in the output of an engine, of a server or of a command that failed. */
const TELLING = /error|fail|refus|denied|not found|timed out|locked|expected|received|exit/i

/**
 * Ends a run with what somebody reads who sees only the end of a long log: the files that took longest, and each failure
 * in a few lines. An engine's whole output stands in some messages and would hide those of other tests.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const byTime = modules.toSorted((a, b) => b.diagnostic().duration - a.diagnostic().duration)
    for (const module of byTime.slice(0, LONGEST))
      say(`${Math.round(module.diagnostic().duration / 1000)} s ${module.relativeModuleId}`)
    for (const module of modules) {
      const failed = (name: string, errors: readonly { message: string }[] = []) => {
        for (const { message } of errors) say(`FAILED ${module.relativeModuleId}${name}`, message)
      }
      failed('', module.errors())
      for (const suite of module.children.allSuites())
        failed(` > ${suite.fullName}`, suite.errors())
      for (const test of module.children.allTests('failed'))
        failed(` > ${test.fullName}`, test.result().errors)
    }
  }
}

function say(line: string, message = ''): void {
  const [first, ...others] = message.split('\n').filter(part => part.trim() !== '')
  const telling = others.filter(part => TELLING.test(part)).slice(0, LINES)
  const lines = [first, ...telling].filter(part => part !== undefined)
  process.stdout.write(`${[line, ...lines.map(part => `    ${part.slice(0, 300)}`)].join('\n')}\n`)
}
