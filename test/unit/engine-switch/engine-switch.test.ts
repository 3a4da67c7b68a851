import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { layoutOf } from '../../../infra/ownership/data-layout.ts'
import {
  comparisonRecordOf,
  layoutRecordOf,
  versionRecordOf,
} from '../../../infra/settings/home-paths.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { comparisonTexts, leastAlike } from '../../../provision/engine-switch/compare-embeddings.ts'
import { engineSwitchOf } from '../../../provision/engine-switch/engine-switch.ts'
import {
  keepComparison,
  requireSameEmbeddings,
} from '../../../provision/engine-switch/require-same-embeddings.ts'
import { recordingTask } from '../../support/recording-task.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'switch-'))
  await mkdir(join(home, 'state'))
})
afterEach(() => rm(home, { recursive: true }))

const settingsOf = (ollamaVersion: string, target = 'docker') =>
  parseSettings('mine', { home, target, ollamaVersion }, { HOME: home })

async function deployedWith(version?: string): Promise<void> {
  await writeFile(layoutRecordOf(home), JSON.stringify(layoutOf(settingsOf('0.17.4'))))
  if (version !== undefined)
    await writeFile(versionRecordOf(home, 'ollama'), JSON.stringify({ version }))
}

const found = (least: number) => ({
  from: '0.17.4',
  to: '0.32.15',
  model: 'nomic-embed-text:latest',
  texts: 100,
  least,
  text: 'A good index makes a long book short.',
})
const task = () => recordingTask().task
const failureOf = async (work: Promise<unknown>) =>
  work.then(
    () => expect.fail('nothing was refused'),
    error => error,
  )

describe('an Ollama that runs models in another way', () => {
  it('is none for a stack without data, nor within a generation', async () => {
    expect(await engineSwitchOf(settingsOf('0.32.15'))).toBeUndefined()
    await deployedWith('0.30.1')
    expect(await engineSwitchOf(settingsOf('0.32.15'))).toBeUndefined()
  })

  it.each([
    ['0.17.4', '0.32.15'],
    ['0.32.15', '0.18.2'],
  ])('is one from %s to %s under data', async (from, to) => {
    await deployedWith(from)
    expect(await engineSwitchOf(settingsOf(to))).toEqual({ from, to })
  })

  it('is one for data of a version of this project that wrote down no Ollama', async () => {
    await deployedWith()
    expect(await engineSwitchOf(settingsOf('0.32.15'))).toEqual({ from: '0.17.4', to: '0.32.15' })
    expect(await engineSwitchOf(settingsOf('0.24.0'))).toBeUndefined()
  })

  it.each(['docker', 'kubernetes'])(
    'is not put under data on %s before a comparison, and how to make one is told',
    async target => {
      await deployedWith('0.17.4')
      const failure = await failureOf(requireSameEmbeddings(settingsOf('0.32.15', target), task()))
      expect(failure.kind).toBe('unavailable')
      expect(failure.message).toContain('embedded by Ollama 0.17.4')
      expect(failure.mend).toContain('npm run models -- --stack mine --compare http')
      expect(failure.mend).toContain('knowledge-stack:ollamaVersion 0.17.4')
    },
  )

  it('goes on with the comparison that was made, and not with one of other versions', async () => {
    await deployedWith('0.17.4')
    const good = found(0.9999)
    await keepComparison(settingsOf('0.32.15'), good)
    expect(await requireSameEmbeddings(settingsOf('0.32.15'), task())).toEqual(good)
    await failureOf(requireSameEmbeddings(settingsOf('0.33.1'), task()))
  })

  it('is refused where its vectors are others, with the figures and both ways on', async () => {
    const failure = await failureOf(keepComparison(settingsOf('0.32.15'), found(0.98765)))
    expect(failure.kind).toBe('refused')
    expect(failure.message).toContain(
      'a cosine of 0.98765 ("A good index makes a long book short.")',
    )
    expect(failure.mend).toContain('knowledge-stack:ollamaVersion 0.17.4')
    expect(failure.mend).toContain('stack of another name')
    expect(JSON.parse(await readFile(comparisonRecordOf(home), 'utf8')).least).toBe(0.98765)
    await deployedWith('0.17.4')
    await failureOf(requireSameEmbeddings(settingsOf('0.32.15'), task()))
  })
})

describe('vectors of two engines', () => {
  it('are compared by a hundred texts, all of them different', () => {
    expect(new Set(comparisonTexts()).size).toBe(100)
  })

  it('are judged by the text for which they are the least alike, whatever their lengths', () => {
    const before = [
      [1, 0],
      [0, 2],
      [3, 4],
    ]
    const after = [
      [2, 0],
      [0, 1],
      [4, 3],
    ]
    expect(leastAlike(['a', 'b', 'c'], before, after)).toEqual({ texts: 3, least: 0.96, text: 'c' })
  })

  it.each([
    ['are of other dimensions', [[1, 0, 0]]],
    ['are missing', []],
    ['are nothing', [[0, 0]]],
  ])('are not alike when they %s', (_, after) => {
    expect(leastAlike(['a'], [[1, 0]], after).least).toBe(-1)
  })
})
