import type { ChildProcess } from 'node:child_process'
import { startServingProcess } from '../api/api-process.ts'
import { Killable } from './killable.ts'

/** An API process; at another URL after each start. */
export class KillableApi extends Killable {
  url = ''
  readonly #env: NodeJS.ProcessEnv

  constructor(name: string, env: NodeJS.ProcessEnv) {
    super(name)
    this.#env = env
  }

  protected async launch(): Promise<ChildProcess> {
    const { child, url } = await startServingProcess({
      ...this.#env,
      KNOWLEDGE_API_REQUESTS_PER_MINUTE: '1000000',
      KNOWLEDGE_API_LOG: 'error',
    })
    this.url = url
    return child
  }
}
