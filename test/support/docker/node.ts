import { PassThrough } from 'node:stream'
import type Docker from 'dockerode'
import { NODE_IMAGE } from './images.ts'

/** What a script of Node writes that runs within a container. */
async function runInside(container: Docker.Container, script: string): Promise<string> {
  const exec = await container.exec({
    Cmd: ['node', '--input-type=module', '--eval', script],
    AttachStdout: true,
    AttachStderr: true,
  })
  const stream = await exec.start({ hijack: true, stdin: false })
  const output = new PassThrough()
  let text = ''
  output.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  container.modem.demuxStream(stream, output, output)
  await new Promise(resolve => stream.on('end', resolve))
  return text.trim()
}

/** Whether a port can be connected to from within a container: `reached`, `silence`, or why not. */
export const connectInside = (container: Docker.Container, host: string, port: number) =>
  runInside(
    container,
    `import { connect } from 'node:net'
    const socket = connect({ host: '${host}', port: ${port}, timeout: 3000 })
    const say = text => { console.log(text); process.exit() }
    socket.on('connect', () => say('reached')).on('timeout', () => say('silence'))
    socket.on('error', error => say(error.code))`,
  )

/** The status that a request from within a container is answered with. */
export const askInside = (
  container: Docker.Container,
  { method, url, token }: { method: string; url: string; token?: string | undefined },
) =>
  runInside(
    container,
    `const response = await fetch('${url}', {
      method: '${method}',
      headers: ${JSON.stringify(token ? { authorization: `Bearer ${token}` } : {})},
      body: JSON.stringify({ model: '', source: '', destination: '' }),
    })
    console.log(response.status)`,
  )

/** A container on a network, for scripts that look at the stack from there. */
export async function startOnlooker(docker: Docker, network: string): Promise<Docker.Container> {
  const onlooker = await docker.createContainer({
    Image: NODE_IMAGE,
    Cmd: ['sleep', 'infinity'],
    HostConfig: { NetworkMode: network, Init: true },
  })
  await onlooker.start()
  return onlooker
}
