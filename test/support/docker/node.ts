import { PassThrough } from 'node:stream'
import type Docker from 'dockerode'
import { NODE_IMAGE } from './images.ts'

/** What a script of Node writes that runs within a container. */
export async function runInside(container: Docker.Container, script: string): Promise<string> {
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
