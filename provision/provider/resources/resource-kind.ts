import type { Task } from '../../progress.ts'

/** What the provider does for one type of resource. `State` is what Pulumi keeps: the arguments and the results. */
export interface ResourceKind<Args, State extends Args> {
  /** The keys that `State` has beyond `Args`: no change of arguments, whatever they hold. */
  readonly results: readonly Exclude<keyof State, keyof Args>[]
  /** The state as it would be, had this version of the project written it: what it adds is no change. */
  upgraded?(state: State): State
  create(args: Args, task: Task): Promise<State>
  /** What is there now; undefined when it is gone, so that the next update makes it anew. */
  read(state: State, task: Task): Promise<State | undefined>
  /** Absent where every change replaces. */
  update?(state: State, args: Args, task: Task): Promise<State>
  /** Absent where nothing is taken away. */
  delete?(state: State, task: Task): Promise<void>
}

/** A record that outlives the stack. It is written again by a refresh: the folder may be on another machine by now. */
export function recordKind<Args>(write: (args: Args) => Promise<void>): ResourceKind<Args, Args> {
  const keep = async (args: Args) => {
    await write(args)
    return args
  }
  return {
    results: [],
    create: keep,
    read: keep,
    update: (_state, args) => keep(args),
  }
}
