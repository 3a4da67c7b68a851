import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { EmbeddingTurns } from '../../../checks/store/embedding-turns.ts'

/** An embedding server that answers each request when it is told to. */
function server() {
  const sent: { texts: string[]; answer: () => void }[] = []
  const embed = (texts: string[], signal?: AbortSignal) =>
    new Promise<number[][]>((resolve, reject) => {
      sent.push({ texts, answer: () => resolve(texts.map(() => [0])) })
      signal?.addEventListener('abort', () => reject(signal.reason))
    })
  const settle = () => new Promise(setImmediate)
  /** Answers them one after another until nothing is sent any more. */
  const answerAll = async () => {
    for (let next = 0; next < sent.length; next += 1) {
      sent[next]!.answer()
      await settle()
    }
  }
  /** The first text of each request, in the order in which they were sent. */
  const order = () => sent.map(({ texts }) => texts[0]!.trim())
  return { turns: new EmbeddingTurns(embed), sent, settle, answerAll, order }
}

const long = (name: string, count: number, units = 4096) =>
  Array.from({ length: count }, (_, index) => `${name}${index}`.padEnd(units))
/** So long that each is a batch of its own. */
const alone = (name: string, count: number) => long(name, count, 1_000_000)

describe('texts that are embedded', () => {
  it('are documents of all writers in turn, one batch at a time, and questions pass them', async () => {
    const { turns, settle, answerAll, order } = server()
    const documents = [
      turns.documents(alone('a', 3), 'ada'),
      turns.documents(alone('b', 2), 'bob'),
      turns.documents(alone('c', 2), 'ada'),
    ]
    await settle()
    expect(order()).toEqual(['a0'])
    const asked = [turns.question('q1', 'x'), turns.question('q2', 'x'), turns.question('q3', 'y')]
    await settle()
    expect(order()).toEqual(['a0', 'q1', 'q3'])
    await answerAll()
    await Promise.all(asked)
    expect((await Promise.all(documents)).map(({ length }) => length)).toEqual([3, 2, 2])
    expect(order()).toEqual(['a0', 'q1', 'q3', 'b0', 'q2', 'c0', 'b1', 'a1', 'c1', 'a2'])
  })

  it('come back in their order, whatever batches they went in', async () => {
    const turns = new EmbeddingTurns(async texts => texts.map(text => [Number(text)]))
    const texts = Array.from({ length: 300 }, (_, index) => `${index}`)
    expect(await turns.documents(texts, 'a')).toEqual(texts.map(text => [Number(text)]))
    expect(await turns.documents([], 'a')).toEqual([])
  })

  it('go in batches as long as the server is fast, of up to 64, and in shorter ones where it is slow', async () => {
    let pause = 0
    const sizes: number[] = []
    const turns = new EmbeddingTurns(async texts => {
      sizes.push(texts.length)
      await sleep(pause)
      return texts.map(() => [0])
    })
    await turns.documents(long('fast', 400), 'a')
    expect(Math.max(...sizes)).toBe(64)
    pause = 300
    sizes.length = 0
    await turns.documents(long('slow', 100), 'a')
    expect(sizes[0]).toBe(64)
    expect(sizes[1]).toBeLessThan(64)
  })

  it('are given up by who leaves while waiting, and the others go on', async () => {
    const { turns, sent, settle, order } = server()
    const stop = new AbortController()
    const first = turns.documents(long('a', 1), 'a')
    const left = turns.documents(long('b', 1), 'b', stop.signal)
    const last = turns.documents(long('c', 1), 'c')
    await settle()
    stop.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    sent[0]!.answer()
    await first
    await settle()
    expect(order()).toEqual(['a0', 'c0'])
    sent[1]!.answer()
    expect(await last).toHaveLength(1)
  })

  it('are given up by who leaves while they are embedded', async () => {
    const { turns, sent, settle } = server()
    const stop = new AbortController()
    const left = turns.documents(long('a', 1), 'a', stop.signal)
    const last = turns.documents(long('b', 1), 'b')
    await settle()
    stop.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    await settle()
    sent[1]!.answer()
    expect(await last).toHaveLength(1)
  })
})
