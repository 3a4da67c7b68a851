import { describe, expect, it } from 'vitest'
import { MiB, seconds } from '../../../infra/units.ts'
import { TransferProgress } from '../../../provision/transfer-progress.ts'

describe('following a transfer', () => {
  it('says how much of all parts is there, how fast it comes and when it will be there', () => {
    const transfer = new TransferProgress()
    transfer.update('a', 10 * MiB, 10 * MiB, 0)
    transfer.update('b', 0, 90 * MiB, 0)
    transfer.update('b', 20 * MiB, 90 * MiB, seconds(2))
    expect(transfer.describe()).toBe('30.0 MiB of 100 MiB, 10.0 MiB/s, 7.0 s left')
  })

  it('gives no rate for what an earlier run had left', () => {
    const transfer = new TransferProgress()
    transfer.update('a', 50 * MiB, 100 * MiB, seconds(5))
    expect(transfer.describe()).toBe('50.0 MiB of 100 MiB')
  })

  it('takes the rate of the last seconds, not of the whole', () => {
    const transfer = new TransferProgress()
    transfer.update('a', 0, 100 * MiB, 0)
    transfer.update('a', 80 * MiB, 100 * MiB, seconds(1))
    for (const second of [20, 21, 22]) {
      transfer.update('a', (80 + second - 20) * MiB, 100 * MiB, seconds(second))
    }
    expect(transfer.describe()).toContain('1.0 MiB/s')
  })

  it('knows what is new: more than ever before', () => {
    const transfer = new TransferProgress()
    expect(transfer.update('a', 5, 10, 0)).toBe(true)
    expect(transfer.update('a', 5, 10, 1)).toBe(false)
    expect(transfer.update('a', 2, 10, 2)).toBe(false)
    expect(transfer.update('a', 5, 10, 3)).toBe(false)
    expect(transfer.update('a', 6, 10, 4)).toBe(true)
  })

  it('does not count back when a part starts over', () => {
    const transfer = new TransferProgress()
    transfer.update('a', 8, 10, 0)
    transfer.update('a', 1, 10, 1)
    expect(transfer.completed).toBe(8)
  })
})
