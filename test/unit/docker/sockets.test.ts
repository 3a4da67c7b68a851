import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Failure } from '../../../infra/failure.ts'
import { askEngine } from '../../../provision/docker/docker-engine.ts'

let home: string
const servers: Server[] = []
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'home-'))
  vi.stubEnv('HOME', home)
  vi.stubEnv('XDG_RUNTIME_DIR', join(home, 'run'))
  vi.stubEnv('DOCKER_CONFIG', undefined)
  vi.stubEnv('DOCKER_CONTEXT', undefined)
  vi.stubEnv('DOCKER_HOST', `unix://${home}/nothing.sock`)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const server of servers.splice(0)) server.close().closeAllConnections()
  await rm(home, { recursive: true })
})

/** As `GET /version` is answered by Docker 28 and by Podman 4.3 (seen). */
const DOCKER = { Version: '28.0.1', Components: [{ Name: 'Engine', Version: '28.0.1' }] }
const PODMAN = { Version: '4.3.1', Components: [{ Name: 'Podman Engine', Version: '4.3.1' }] }

it.each([
  ['a user’s own Docker', DOCKER, 'run/docker.sock', 'Docker Engine 28.0.1'],
  ['Docker Desktop', DOCKER, '.docker/run/docker.sock', 'Docker Engine 28.0.1'],
  ['Colima', DOCKER, '.colima/default/docker.sock', 'Docker Engine 28.0.1'],
  ['Podman', PODMAN, 'run/podman/podman.sock', 'Podman Engine 4.3.1'],
])(
  'names the socket of %s, which answers where the one asked does not',
  async (_, version, path, name) => {
    const socket = await serve(path, (_, response) => response.end(JSON.stringify(version)))
    const failure = await failureOfAsking()
    expect(failure.message).toContain(
      `There is no Docker Engine at unix://${home}/nothing.sock: ENOENT`,
    )
    expect(failure.message).toContain(`${name} at unix://${socket}`)
    // This machine may have an Engine of its own, which comes first.
    expect(failure.mend).toMatch(/^DOCKER_HOST=unix:\/\/\S+ pulumi up$/)
    expect(failure.exitCode).toBe(3)
  },
)

it('offers a Docker before a Podman', async () => {
  await serve('run/podman/podman.sock', (_, response) => response.end(JSON.stringify(PODMAN)))
  const docker = await serve('.rd/docker.sock', (_, response) =>
    response.end(JSON.stringify(DOCKER)),
  )
  const { message } = await failureOfAsking()
  expect(message.indexOf(docker)).toBeLessThan(message.indexOf('Podman'))
  expect(message).toContain(docker)
})

it('does not name a socket where nobody answers', async () => {
  const faulty = await serve('run/docker.sock', (_, response) => response.writeHead(500).end())
  const dead = await serve('run/podman/podman.sock', request => request.socket.destroy())
  const { text } = await failureOfAsking()
  expect(text).not.toContain(faulty)
  expect(text).not.toContain(dead)
})

const failureOfAsking = (): Promise<Failure> =>
  askEngine(docker => docker.ping()).then(
    () => expect.fail('something answered'),
    error => error,
  )

async function serve(path: string, listener: RequestListener): Promise<string> {
  const socket = join(home, path)
  await mkdir(dirname(socket), { recursive: true })
  const server = createServer(listener).listen(socket)
  await once(server, 'listening')
  servers.push(server)
  return socket
}
