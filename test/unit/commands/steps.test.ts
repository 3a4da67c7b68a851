import { Writable } from 'node:stream'
import { WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { minutes } from '../../../infra/units.ts'
import { RunningStep } from '../../../provision/steps/running-step.ts'
import { Steps } from '../../../provision/steps/steps.ts'
import { Stages } from '../../../provision/toolchain/installers/stages.ts'

/**
 * A terminal that says it has no columns, where a spinner never ends.
 * @param env what its colours are told by, whatever runs the tests: nothing is coloured in CI
 */
function terminal(isTTY = true, env: Record<string, string> = {}) {
  const written: string[] = []
  const write = (text: Buffer, _: unknown, done: () => void) => {
    written.push(text.toString())
    done()
  }
  const stream = Object.assign(new Writable({ write }), {
    isTTY,
    columns: 0,
    getColorDepth: () => WriteStream.prototype.getColorDepth(env),
  })
  return { written, stream: stream as unknown as NodeJS.WriteStream }
}

const { signal } = new AbortController()

describe('the line of a step', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('is a plain one on a terminal that says it has no columns', async () => {
    const { written, stream } = terminal()
    await new Steps(signal, { stream }).run('plan', async () => undefined)
    expect(stripVTControlCharacters(written.join(''))).toMatch(/^✔ plan: done \(.*\)\n$/)
  })

  it.each([
    ['failed', '✖ verify: 1 failed'],
    ['unchecked', '⚠ verify: 1 failed'],
  ] as const)(
    'says of what came to its end and is %s that it is not well',
    async (verdict, line) => {
      const { written, stream } = terminal(false)
      const work = async () => '1 failed'
      await new Steps(signal, { stream }).run('verify', work, String, () => verdict)
      expect(stripVTControlCharacters(written.join(''))).toContain(line)
    },
  )

  it.each([
    ['a terminal', true, {}, true],
    ['a terminal with NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['a pipe', false, {}, false],
  ])('is coloured or not on %s', async (_, isTTY, env, isColoured) => {
    vi.stubEnv('FORCE_COLOR', undefined)
    const { written, stream } = terminal(isTTY, { TERM: 'xterm-256color', ...env })
    await new Steps(signal, { stream }).run('plan', async () => undefined)
    const text = written.join('')
    expect(text !== stripVTControlCharacters(text)).toBe(isColoured)
  })

  it('says at once what is worth knowing before a long way is gone', async () => {
    const { written, stream } = terminal(false)
    await new Steps(signal, { stream }).run('ollama', async task => task.note?.('it is built'))
    expect(written[0]).toBe('  ollama: it is built\n')
  })

  it('is told in a log ever more seldom, with how long it has taken and all that runs now', async () => {
    vi.useFakeTimers()
    const { written, stream } = terminal(false)
    const steps = new Steps(signal, { stream })
    steps.expect(['plan', 'pulumi up'])
    const done = steps.run('pulumi up', async task => {
      task.report('create', 'chroma-0')
      task.report('library: 1 of 2 MiB', 'llama')
      await vi.advanceTimersByTimeAsync(6000)
      task.ended?.('chroma-0')
      await vi.advanceTimersByTimeAsync(654_000)
    })
    await done
    vi.useRealTimers()
    const lines = written.join('').trimEnd().split('\n').slice(0, -1)
    expect(lines[0]).toBe('  [2/2] pulumi up, 5 s: chroma-0: create; llama: library: 1 of 2 MiB')
    expect(lines[1]).toBe('  [2/2] pulumi up, 15 s: llama: library: 1 of 2 MiB')
    // Eleven minutes, which a line every five seconds would have told in 132.
    expect(lines).toHaveLength(9)
  })

  it('makes the lines of a note those of the stack that the command is for', () => {
    const { written, stream } = terminal(false)
    const complete = (text: string) => text.replace('up', 'up -- --stack docker')
    new Steps(signal, { stream, complete }).note('npm run up')
    expect(written).toEqual(['npm run up -- --stack docker\n'])
  })
})

describe('a step while it runs', () => {
  const step = (parts: number) => {
    const running = new RunningStep('[2/2] pulumi up')
    for (let part = 0; part < parts; part += 1) running.report(`${part} MiB`, `model-${part}`)
    return running
  }

  it('has a row on a terminal for each of what goes on side by side, until it has ended', () => {
    const running = step(2)
    running.report('waiting', 'api')
    running.ended('model-0')
    expect(running.rows(80).split('\n')).toEqual([
      '[2/2] pulumi up',
      '    model-1  1 MiB',
      '    api      waiting',
    ])
  })

  it('has no more rows than can be looked at', () => {
    expect(step(30).rows(80).split('\n')).toHaveLength(10)
    expect(step(30).rows(80)).toMatch(/and 22 more$/)
  })

  it.each([20, 80, 120])('is never wider than a terminal of %d columns', columns => {
    const running = step(3)
    running.report('x'.repeat(300))
    running.report('y'.repeat(300), 'model-0')
    for (const row of running.rows(columns).split('\n')) expect(row.length).toBeLessThan(columns)
  })
})

describe('a long way', () => {
  afterEach(() => vi.useRealTimers())

  it('tells about how long it goes on, whatever is said of it, until it takes longer than ever', async () => {
    vi.useFakeTimers()
    const running = new RunningStep('ollama')
    running.expect(minutes(6))
    running.report('compiling')
    const lines: string[] = []
    for (const wait of [minutes(2), minutes(3.5), minutes(1)]) {
      await vi.advanceTimersByTimeAsync(wait)
      lines.push(running.line())
    }
    expect(lines).toEqual([
      'ollama, 2 min 0 s, about 4 min left: compiling',
      'ollama, 5 min 30 s, about 30 s left: compiling',
      'ollama, 6 min 30 s: compiling',
    ])
  })

  it('says which of its stages runs', () => {
    const reports: string[] = []
    const stages = new Stages({ report: text => reports.push(text), signal }, 2)
    stages.next().report('loading')
    stages.next().report('compiling')
    expect(reports).toEqual(['step 1 of 2: loading', 'step 2 of 2: compiling'])
  })
})
