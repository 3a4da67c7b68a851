import { chromaProcess } from '../../infra/local/chroma.ts'
import { ollamaProcess } from '../../infra/local/ollama.ts'
import type { ProcessArgs } from '../../infra/resources.ts'
import type { Settings } from '../../infra/settings.ts'
import { requireFree } from './port.ts'
import { isAlive, readRecord } from './record.ts'

/** The processes that a stack of the local target consists of. */
export function processesOf(settings: Settings): ProcessArgs[] {
  const chroma = Array.from({ length: settings.chroma.instances }, (_, index) =>
    chromaProcess(settings, index),
  )
  return [...chroma, ollamaProcess(settings)]
}

/**
 * Requires, before anything starts, that each port is free or taken by this stack's own process.
 * @throws Failure `unavailable` that names who has the port
 */
export async function requireOwnPorts(settings: Settings): Promise<void> {
  for (const args of processesOf(settings)) {
    const running = await readRecord(args.record)
    if (running === undefined || !isAlive(running)) await requireFree(args.port, args.tool)
  }
}
