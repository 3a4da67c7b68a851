import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { boundLives } from '../../../checks/api/traffic/request-lifetime.ts'
import { MiB } from '../../../infra/units.ts'

const WORK = 1000

describe('the life of a request', () => {
  let api: FastifyInstance
  let port: number
  beforeEach(async () => {
    api = Fastify()
    boundLives(api)
    const config = { work: WORK }
    api.get('/large', { config }, async () => 'x'.repeat(16 * MiB))
    api.get('/long', { config }, async ({ life }) => {
      await once(life, 'abort')
      life.throwIfAborted()
    })
    await api.listen({ port: 0 })
    port = (api.server.address() as AddressInfo).port
  })
  afterEach(() => api.close())

  const ask = (path: string) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    return socket
  }

  it('ends when its time is up, with an answer', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/long`)
    expect(await answer.json()).toMatchObject({ message: 'This took longer than 1.0 s' })
  })

  it('ends when its time is up while nobody takes its answer', async () => {
    const socket = ask('/large').pause()
    const [connection] = await once(api.server, 'connection')
    await once(connection, 'close')
    socket.destroy()
  })

  it('is its own: an answer that is taken in time comes whole', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/large`)
    expect((await answer.text()).length).toBe(16 * MiB)
  })
})
