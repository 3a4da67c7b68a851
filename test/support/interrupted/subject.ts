import type { Ended, TestStack } from '../stack/test-stack.ts'

/** A stack whose updates are interrupted, and what is known of it beside what its commands say. */
export interface Subject {
  /** As the table calls it. */
  name: string
  stack: TestStack
  /** Whether an `up` came to its end. */
  isUp(ended: Ended): boolean
  /** Takes away the models of a stack that is down, so that its next `up` brings them in. */
  forgetModels(): Promise<void>
  /** Puts into the stack, while it is up, what must not be lost. */
  remember(): Promise<void>
  /** What was put in and is not there: asked of the stack while it is up. */
  lost(): Promise<string[]>
  /** What holds data, but for models, by what tells it from one that was made anew: volumes, claims, a folder. */
  data(): Promise<string[]>
  /** The servers and whatever else of the stack is there, by names that are the same after each `up`. */
  running(): Promise<string[]>
}
