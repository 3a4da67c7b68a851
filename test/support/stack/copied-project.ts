import { cp, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PROJECT_ROOT } from '../../../infra/project.ts'

/** What is not the project's own, or is shared with its copies. */
const LEFT_OUT = new Set(['node_modules', '.git'])

/** Copies the project as it is now, for commands that write to its tracked files: for TestStack.project. */
export async function copyProject(folder: string): Promise<string> {
  const copy = join(folder, 'project')
  await cp(PROJECT_ROOT, copy, {
    recursive: true,
    filter: path => !LEFT_OUT.has(basename(path)),
  })
  await symlink(join(PROJECT_ROOT, 'node_modules'), join(copy, 'node_modules'))
  return copy
}
