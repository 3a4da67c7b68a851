import { expect, it } from 'vitest'
import { Steps } from '../../../provision/steps/steps.ts'

it('steps are plain lines on a terminal that says it has no columns, where a spinner never ends', async () => {
  let written = ''
  const write = (text: string) => {
    written += text
  }
  const stream = { isTTY: true, columns: 0, write } as unknown as NodeJS.WriteStream
  await new Steps(new AbortController().signal, stream).run('plan', async () => undefined)
  expect(written).toMatch(/^✔ plan: done \(.*\)\n$/)
})
