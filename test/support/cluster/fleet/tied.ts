/** A command that is killed when this process ends, even where it ends too suddenly to stop anything. */
export const tied = (command: string, args: readonly string[]) => ({
  command: 'setpriv',
  args: ['--pdeathsig', 'KILL', '--', command, ...args],
})
