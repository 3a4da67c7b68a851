import { createInterface } from 'node:readline/promises'
import { Failure } from '../infra/failure.ts'

/** Something that cannot be undone. */
export interface Irrevocable {
  stack: string
  /** What it does, for people: `A purge of stack dev would delete 3 GiB, for good`. */
  statement: string
  /** The same, to somebody who is about to do it: `This deletes 3 GiB, for good`. */
  warning: string
  /** The command that does it without a question. */
  mend: string
}

/**
 * Has a person confirm what cannot be undone, by the stack's name; `--yes` does so for those who have no terminal.
 * @throws Failure `misused` when nobody is there to say yes, or something else was said
 */
export async function confirm(
  { stack, statement, warning, mend }: Irrevocable,
  signal: AbortSignal,
): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new Failure('misused', statement, { mend })
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${warning}. The name of the stack to go on: `, {
      signal,
    })
    if (answer.trim() === stack) return
    throw new Failure('misused', `Nothing was deleted: ${JSON.stringify(answer)} is not ${stack}`, {
      mend,
    })
  } finally {
    terminal.close()
  }
}
