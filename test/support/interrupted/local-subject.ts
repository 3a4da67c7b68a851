import { rm, stat } from 'node:fs/promises'
import { localPaths } from '../../../infra/settings/home-paths.ts'
import { Notes } from '../docker/notes.ts'
import type { TestStack } from '../stack/test-stack.ts'
import { stackProcesses } from './stack-processes.ts'
import type { Subject } from './subject.ts'

/** A stack of processes on this machine. */
export function localSubject(stack: TestStack): Subject {
  let notes: Notes
  const { chroma, models } = localPaths(stack.home)
  return {
    name: 'local processes',
    stack,
    isUp: ({ code }) => code === 0,
    forgetModels: () => rm(models, { recursive: true, force: true }),
    async remember() {
      notes = await Notes.of(stack)
      await notes.write('before', () => notes.acknowledged.length > 0)
    },
    lost: () => notes.lost(),
    data: async () => [`folder ${(await stat(chroma(0))).ino}`],
    running: async () => stackProcesses(stack),
  }
}
