import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { shardOf } from '../../../infra/shards.ts'
import { creatorPath, documentPath, TestApi } from '../../support/api/api.ts'
import { STORED } from '../../support/api/stored.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { MAY_MOUNT, SmallDisk } from '../../support/servers/small-disk.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const HEALTH = '/api/v1/ai/chromadb/health'
const WRITERS = 8
const CHUNKS = 30

describe.skipIf(!MAY_MOUNT)(
  'a disk that fills while it is written to (needs KNOWLEDGE_STACK_TEST_SYSTEM=1 and root)',
  () => {
    let disk: SmallDisk
    let chroma: RunningChroma
    let api: TestApi
    let token: string

    beforeAll(async () => {
      disk = await SmallDisk.mount('size=400m')
      chroma = await startChroma(disk.folder)
      const outputs = outputsOf({ chroma: [chroma.url] })
      outputs.chroma.instances[0].dataFolder = chroma.data
      api = await TestApi.start(outputs)
      token = await api.serviceToken()
    })
    afterAll(async () => {
      await api?.stop()
      await chroma?.stop()
      await disk?.unmount()
    })

    /** In a shard that no writer writes to: those may have to wait for room to be read too. */
    const QUIET = Array.from({ length: 100 }, (_, index) => `quiet ${index}`).find(id =>
      Array.from({ length: WRITERS }, (_, writer) => shardOf(`writer ${writer}`, 10)).every(
        shard => shard !== shardOf(id, 10),
      ),
    )!

    const document = (name: string) => ({
      chunks: Array.from({ length: CHUNKS }, (_, index) => ({
        text: `${name} ${index}`,
        vector: vectorFor(`${name} ${index}`, 384),
      })),
    })
    const put = (creator: string, id: string) =>
      api.call('PUT', documentPath(creator, id), { token, body: document(`${creator} ${id}`) })
    const get = (creator: string, id: string) =>
      api.call('GET', documentPath(creator, id), { token })
    const ask = (creator: string, id: string) =>
      api.call('POST', creatorPath(creator, 'query'), {
        token,
        body: { vector: vectorFor(`${creator} ${id} 7`, 384), count: 1 },
      })
    const until = async (isSo: () => Promise<boolean>) => {
      while (!(await isSo())) await sleep(50)
    }

    it('is told, leaves what is stored readable, and is written again once there is room', async () => {
      expect(STORED).toContain((await put(QUIET, 'kept')).status)
      const stored: [creator: string, id: string][] = [[QUIET, 'kept']]
      const said = new Set<number>()
      let isWriting = true
      const writers = Array.from({ length: WRITERS }, async (_, writer) => {
        for (let count = 0; isWriting; count += 1) {
          const { status } = await put(`writer ${writer}`, `${count}`)
          if (STORED.includes(status)) stored.push([`writer ${writer}`, `${count}`])
          else said.add(status)
          if (!STORED.includes(status)) await sleep(100)
        }
      })
      await sleep(2000)
      disk.fill()
      await until(async () => (await api.call('GET', HEALTH)).status === 503)
      const { body } = await api.call('GET', HEALTH)
      expect(body.servers[0].parts.at(-1)).toMatchObject({
        checked: 'disk',
        healthy: false,
        detail: expect.stringContaining('its disk is full'),
      })
      await until(async () => said.has(507))
      // For as long as the watchdog needs to look at the disk again. While it starts Chroma again, who asks is told to wait.
      for (const since = performance.now(); performance.now() - since < 6000; ) {
        const { status, headers } = await get(QUIET, 'kept')
        if (status !== 200) expect([status, headers.has('retry-after')]).toEqual([503, true])
      }
      await until(async () => (await get(QUIET, 'kept')).status === 200)
      expect((await ask(QUIET, 'kept')).body).toMatchObject({ hits: [{ document: 'kept' }] })

      await disk.makeRoom()
      await until(async () => STORED.includes((await put(QUIET, 'after')).status))
      isWriting = false
      await Promise.all(writers)
      await until(async () => (await api.call('GET', HEALTH)).status === 200)
      for (let again = 0; again < 30; again += 1) {
        expect(STORED).toContain((await put(`writer ${again % WRITERS}`, 'after')).status)
      }
      for (const [creator, id] of stored) {
        const found = await get(creator, id)
        expect(found.status).toBe(200)
        expect(found.body.chunks).toHaveLength(CHUNKS)
        expect((await ask(creator, id)).body.hits).toHaveLength(1)
      }
    })
  },
)
