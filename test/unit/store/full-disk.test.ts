import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { roomFileOf, soundFileOf } from '../../../infra/servers/chroma-watchdog.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 8
const document = { id: 'a', chunks: [{ text: 'a', vector: vectorFor('a', DIMENSION) }] }

describe('a write to a server that is away', () => {
  let folder: string
  let deployment: ConnectedDeployment
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'full-disk-'))
    const outputs = outputsOf({ dimensions: DIMENSION })
    outputs.chroma.instances[0].dataFolder = folder
    deployment = await openDeployment(outputs, {
      fetch: async () => {
        throw new TypeError('fetch failed')
      },
    })
  })
  afterEach(async () => {
    await deployment.close()
    for (const file of [roomFileOf(folder), soundFileOf(folder)]) await rm(file, { force: true })
    await rm(folder, { recursive: true })
  })
  const creator = () => deployment.knowledge().creator('somebody')

  it('is refused for the full disk where its watchdog starts it again for that', async () => {
    const full = { reason: 'full', message: expect.stringContaining('its disk was full') }
    await expect(creator().upsert([document])).rejects.toMatchObject(full)
    await expect(creator().delete({ documents: ['a'] })).rejects.toMatchObject(full)
    await expect(creator().get()).rejects.toMatchObject({ reason: 'unreachable' })
  })

  it('is told as the absence that it is where there is room', async () => {
    await writeFile(roomFileOf(folder), '')
    await writeFile(soundFileOf(folder), '')
    await expect(creator().upsert([document])).rejects.toMatchObject({ reason: 'unreachable' })
  })
})
