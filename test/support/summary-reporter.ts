import type { Reporter, TestCase, TestModule } from 'vitest/node'

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
      for (const { message } of module.errors()) say(`FAILED ${module.relativeModuleId}`, message)
      for (const suite of module.children.allSuites())
        for (const { message } of suite.errors())
          say(`FAILED ${module.relativeModuleId} > ${suite.fullName}`, message)
      for (const test of module.children.allTests('failed')) say(title(test), messages(test))
    }
  }
}

function title(test: TestCase): string {
  return `FAILED ${test.module.relativeModuleId} > ${test.fullName}`
}

function messages(test: TestCase): string {
  return (test.result().errors ?? []).map(({ message }) => message).join('\n')
}

function say(line: string, message = ''): void {
  const [first, ...others] = message.split('\n').filter(part => part.trim() !== '')
  const telling = others.filter(part => TELLING.test(part)).slice(0, LINES)
  const lines = [first, ...telling].filter(part => part !== undefined)
  process.stdout.write(`${[line, ...lines.map(part => `    ${part.slice(0, 300)}`)].join('\n')}\n`)
}
