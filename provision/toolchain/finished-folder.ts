import { constants, existsSync } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { withLock } from '../lock.mjs'
import type { Task } from '../progress.ts'

/**
 * A folder of the cache that is either finished or not there: `fill` works in a draft, which is renamed into
 * place when it is done. Two processes that want it at once make it once, and what a killed one left is removed
 * by the next.
 * @param what names the content for those who wait: `Ollama 0.17.4`
 * @returns the folder
 */
export async function finishedFolder(
  folder: string,
  what: string,
  task: Task,
  fill: (draft: string) => Promise<void>,
): Promise<string> {
  if (existsSync(folder)) return folder
  await requireWritable(dirname(folder))
  const options = {
    purpose: `gets ${what}`,
    onWait: ({ pid, purpose }: { pid: number; purpose: string }) =>
      task.report(`waiting for process ${pid}, which ${purpose}`),
    signal: task.signal,
  }
  return withLock(`${folder}.lock`, options, async () => {
    if (existsSync(folder)) return folder
    await sweepDrafts(folder)
    const draft = await mkdtemp(draftPrefix(folder))
    try {
      await fill(draft)
      await rename(draft, folder)
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
    return folder
  })
}

async function requireWritable(parent: string): Promise<void> {
  try {
    await mkdir(parent, { recursive: true })
    await access(parent, constants.W_OK)
  } catch (cause) {
    throw new Failure('unavailable', `cannot write to the cache ${parent}: ${reasonOf(cause)}`, {
      mend: 'make it writable, or set KNOWLEDGE_STACK_CACHE to a folder that is',
      cause,
    })
  }
}

// A name of its own for each try: a compiler that outlived its killed parent still writes into the old one.
const draftPrefix = (folder: string): string => `${folder}.draft-`

async function sweepDrafts(folder: string): Promise<void> {
  const prefix = basename(draftPrefix(folder))
  const names = await readdir(dirname(folder))
  const drafts = names.filter(name => name.startsWith(prefix))
  for (const draft of drafts) {
    await rm(join(dirname(folder), draft), { recursive: true, force: true, maxRetries: 3 })
  }
}
