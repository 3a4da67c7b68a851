import { stat } from 'node:fs/promises'
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
    async remember() {
      notes = await Notes.of(stack)
      await notes.write('before', () => notes.acknowledged.length > 0)
    },
    lost: () => notes.lost(),
    data: () =>
      Promise.all([chroma(0), models].map(async folder => `${folder} ${(await stat(folder)).ino}`)),
    running: async () => stackProcesses(stack),
  }
}
