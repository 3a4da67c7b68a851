import { Writable } from 'node:stream'
import { WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Steps } from '../../../provision/steps/steps.ts'

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

  it('makes the lines of a note those of the stack that the command is for', () => {
    const { written, stream } = terminal(false)
    const complete = (text: string) => text.replace('up', 'up -- --stack docker')
    new Steps(signal, { stream, complete }).note('npm run up')
    expect(written).toEqual(['npm run up -- --stack docker\n'])
  })
})
