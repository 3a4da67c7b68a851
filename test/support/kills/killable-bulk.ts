import { type ChildProcess, fork } from 'node:child_process'
import { on, once } from 'node:events'
import { join } from 'node:path'
import type { Outputs } from '../../../infra/outputs.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { Killable } from './killable.ts'

const WORKER = join(PROJECT_ROOT, 'test/support/kills/bulk-worker.ts')

/** A version of a document that a bulk load is to put in. */
export interface BulkDocument {
  creator: string
  id: string
  version: number
  count: number
}

/** What the process is told: to put documents in, or that the one who told it so has left. */
export type BulkOrder = { order: number; documents: BulkDocument[] } | { order: number }
export interface BulkAnswer {
  order: number
  failed: string | undefined
}

/** A process that loads documents of many creators through the store itself. */
export class KillableBulk extends Killable {
  readonly #outputs: Outputs
  #orders = 0

  constructor(name: string, outputs: Outputs) {
    super(name)
    this.#outputs = outputs
  }

  protected async launch(): Promise<ChildProcess> {
    const child = fork(WORKER, [JSON.stringify(this.#outputs)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    await once(child, 'message')
    return child
  }

  /** @throws when it failed, was killed, or its caller left */
  async load(documents: BulkDocument[], caller: AbortSignal): Promise<void> {
    const { child } = this
    if (child === undefined) throw new Error(`${this.name} does not run`)
    this.#orders += 1
    const order = this.#orders
    child.send({ order, documents } satisfies BulkOrder)
    const ended = new AbortController()
    const { signal } = ended
    const left = once(caller, 'abort', { signal }).then(() => {
      if (child.connected) child.send({ order } satisfies BulkOrder)
      throw caller.reason
    })
    const killed = once(child, 'exit', { signal }).then(() => {
      throw new Error(`${this.name} was killed`)
    })
    const answered = async () => {
      for await (const [answer] of on(child, 'message', { signal })) {
        if (answer.order !== order) continue
        if (answer.failed !== undefined) throw new Error(answer.failed)
        return
      }
    }
    const all = [left, killed, answered()]
    try {
      await Promise.race(all)
    } finally {
      ended.abort()
      await Promise.allSettled(all)
    }
  }
}
