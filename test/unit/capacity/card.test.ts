import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MiB } from '../../../infra/units.ts'
import { cardAtHand } from '../../bench/card/card.ts'

describe('the card that a plan is measured on', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'card-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  /** On a machine whose nvidia-smi does this. */
  const card = async (script: string) => {
    await writeFile(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return cardAtHand({ PATH: `${folder}:/usr/bin:/bin` })
  }
  const refused = (why: RegExp) => ({
    exitCode: 3,
    message: expect.stringMatching(why),
    mend: expect.stringContaining('bench -- capacity --gpu'),
  })

  it('is the first one, with what of its memory may be counted on', async () => {
    const found = await card(
      'echo "NVIDIA L4, GPU-7, 23034, 1, 8.9, 550.54"; echo "NVIDIA L4, GPU-8, 23034, 1, 8.9, 550.54"',
    )
    expect(found).toMatchObject({ product: 'NVIDIA L4', uuid: 'GPU-7', architecture: '89' })
    expect(found.memory).toBeGreaterThan(21_000 * MiB)
    expect(found.memory).toBeLessThan(23_034 * MiB)
  })

  it('is none where no driver is, none is found or others use it', async () => {
    await expect(cardAtHand({ PATH: folder })).rejects.toMatchObject(refused(/not on PATH/))
    await expect(card('echo "No devices were found"; exit 6')).rejects.toMatchObject(
      refused(/finds none/),
    )
    await expect(card('echo "NVIDIA L4, GPU-7, 23034, 9000, 8.9, 550"')).rejects.toMatchObject(
      refused(/others use 9000 MiB/),
    )
  })
})
