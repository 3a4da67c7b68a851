/** What an attack is aimed at, and what the attacker has. */
export interface Target {
  /** Of the API, on loopback. */
  port: number
  /** The address that the attack comes from. */
  from: string
  /** A valid token of a creator, for attackers that are creators themselves. */
  tokenFor(creator: string): Promise<string>
}

export interface RunningAttack {
  /** Ends when all its connections are closed. */
  stop(): Promise<void>
}

/** One way of taking more than one's due. It goes on, and begins anew what is refused or ended, until it is stopped. */
export interface Attack {
  name: string
  start(target: Target): Promise<RunningAttack>
}

export const attack = (
  name: string,
  start: (target: Target) => RunningAttack | Promise<RunningAttack>,
): Attack => ({ name, start: async target => start(target) })
