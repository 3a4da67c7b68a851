import { once } from 'node:events'
import { serveMirror } from '../../models/model-mirror.ts'
import type { CommandSpec } from '../command.ts'
import { portFlag } from '../flags.ts'

interface MirrorOptions {
  folder: string
  host: string
  port: number
}

/** Serves the models of one machine to others, which name it as their `modelMirror`, until it is interrupted. */
export const mirror: CommandSpec<MirrorOptions> = {
  name: 'mirror',
  description: "serve an Ollama model folder as a registry that other machines' stacks pull from",
  options: [
    { flags: '--folder <path>', description: "Ollama's model folder", required: true },
    { flags: '--host <address>', description: 'address to listen on', default: '127.0.0.1' },
    portFlag('port to listen on', 5000),
  ],
  async run({ folder, host, port }, { steps, signal }) {
    const { url, close } = await serveMirror(folder, { host, port })
    steps.note(
      `Serving ${folder} at ${url}; in a stack: knowledge-stack:modelMirror: ${url}/library; Ctrl-C ends it, or: kill ${process.pid}`,
    )
    if (!signal.aborted) await once(signal, 'abort')
    await close()
    return { text: 'The mirror is closed', document: { folder, url } }
  },
}
