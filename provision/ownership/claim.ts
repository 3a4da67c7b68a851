import { Failure } from '../../infra/failure.ts'

/** By whom a stack's things are known as its own, before an update. */
export interface Claim {
  /** Of the owner that things of the stack carry. */
  id: string
  /** Whether an older version, which gave nothing an owner, deployed from this home folder, and no newer one since. */
  older: boolean
  /** Whether Pulumi's state has something, by a name as `proves` takes it. */
  knows(name: string): boolean
  /**
   * Whether something without an owner is the stack's all the same: Pulumi's state has it, or an older version
   * deployed from this home folder.
   * @param name as the target names it: the file that records a process, a container's id or name, a volume's name, the uid of an object of a cluster
   */
  proves(name: string): boolean
}

/** The way out for who has the stack and not its state any more. */
export const STATE_LOST =
  'Only if it is this very stack, whose state was lost: KNOWLEDGE_STACK_OWNER=<owner> npm run up'

/**
 * The owner that a stack is given in place of a new one: the user says by it that what carries this id is the stack's.
 * It is nothing to a stack that has an owner.
 */
export const givenOwner = (): string | undefined => process.env.KNOWLEDGE_STACK_OWNER || undefined

/**
 * @param foreign what stands in the stack's places and is not its own, for people
 * @param another how the stack is given places of its own
 * @throws Failure `misused` where there is any
 */
export function refuseForeign(
  stack: string,
  foreign: readonly string[],
  another = 'give this stack another name (--stack)',
): void {
  if (foreign.length === 0) return
  throw new Failure(
    'misused',
    `Stack ${stack} would use what it did not make, or another deployment of a stack of this name did: ${foreign.join(', ')}`,
    { mend: `${another}, or remove what is in its place. ${STATE_LOST}` },
  )
}
