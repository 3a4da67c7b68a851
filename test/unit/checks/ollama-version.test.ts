import { describe, expect, it } from 'vitest'
import type { CheckContext } from '../../../checks/check.ts'
import check from '../../../checks/servers/ollama-version.ts'

/** What the check finds of an Ollama that says a version. */
const find = (says: string, deployed: string | undefined, target = 'local') => {
  const server = { connection: { label: 'Ollama at http://x' }, version: async () => says }
  const pool = { pool: 'cpu', reach: { kind: 'direct', url: 'http://x' }, version: deployed }
  const deployment = { outputs: { ollama: [pool], target }, ollama: new Map([['cpu', server]]) }
  const signal = new AbortController().signal
  return check.run({ deployment, signal } as unknown as CheckContext)
}

describe('the version of an Ollama', () => {
  it('is told with what of this project ever ran against it', async () => {
    const found = await find('0.17.4', '0.17.4')
    expect(found.verdict).toBe('passed')
    expect(found.detail).toContain("0.17.4, which this project's suites met: npm test")
  })

  it('is told of where no suite ever met it', async () => {
    const found = await find('0.31.7', '0.31.7')
    expect(found.verdict).toBe('passed')
    expect(found.detail).toContain('0.31.7, which no suite of this project met')
    expect(found.notes?.[0]).toContain('ever ran against Ollama 0.31.7')
  })

  it('is wrong where another was deployed', async () => {
    const found = await find('0.18.2', '0.17.4')
    expect(found).toMatchObject({ verdict: 'failed', mend: expect.stringContaining('npm run up') })
    expect(found.detail).toBe('Ollama at http://x is 0.18.2; 0.17.4 was deployed')
  })

  it('is wrong where it is not supported, by name', async () => {
    const found = await find('0.26.0', undefined)
    expect(found.verdict).toBe('failed')
    expect(found.detail).toContain('0.26.0, which lies between two engines')
    expect(found.detail).toContain('0.17.1 to 0.24, and 0.30 and newer')
  })

  it('may be any where somebody else deployed it, and is told', async () => {
    const found = await find('0.33.0-rc2', undefined, 'environment')
    expect(found.verdict).toBe('passed')
    expect(found.detail).toContain('0.33.0-rc2, which is not a release')
  })
})
