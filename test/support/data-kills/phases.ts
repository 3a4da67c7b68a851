/** What commands do at a request or to files, in the order in which each comes to it. */
export const PHASES = {
  reshard: ['begin', 'copy', 'compare', 'close', 'verdict', 'record', 'tidy', 'delete'],
  're-embed': ['begin', 'embed', 'copy', 'compare', 'close', 'verdict', 'record', 'delete'],
  forget: ['note', 'clear', 'begin', 'copy', 'close', 'verdict', 'record', 'delete', 'files'],
  doctor: ['begin', 'copy', 'close', 'verdict', 'record', 'delete'],
  backup: ['read'],
  restore: ['look', 'put'],
  // Its steps, in the middle of them or when they are done.
  upgrade: ['freeze', 'copy', 'deploy', 'data', 'thaw'],
} as const
export type CommandName = keyof typeof PHASES
export type Phase = (typeof PHASES)[CommandName][number]

/** Where a command kills itself: at which request of a phase, before it is sent or when it was answered. */
export interface Kill {
  phase: Phase
  /** From 1. */
  nth: number
  moment: 'before' | 'after'
}

interface Request {
  url: string
  method: string
  body: string
}

/** @param target database of the generation that is moved to */
export function phaseOf(
  command: CommandName,
  { url, method, body }: Request,
  target: string,
): Phase | undefined {
  if (method === 'DELETE') return 'delete'
  if (url.endsWith('/api/embed')) return 'embed'
  const operation = url.slice(url.lastIndexOf('/') + 1)
  const isSwitch = body.includes('"move ') || body.includes('"rebuild ')
  if (operation === 'get') {
    if (command === 'restore') return 'look'
    // And not who is there, by the ids alone.
    if (!body.includes('"documents"')) return undefined
    if (command === 'backup') return 'read'
    return url.includes(`/${target}/`) ? 'compare' : undefined
  }
  if (operation === 'add') return isSwitch ? 'verdict' : 'put'
  if (operation === 'delete') return isSwitch ? 'tidy' : 'clear'
  if (operation !== 'upsert') return undefined
  if (body.includes('"kind":"forgotten"')) return 'note'
  if (body.includes('"kind":"layout"')) return 'record'
  if (!isSwitch) return body.includes('"kind"') ? undefined : 'copy'
  if (body.includes('closing\\":{') || body.includes('closing\\":true')) return 'close'
  return body.includes('through\\":\\"~') ? 'record' : 'begin'
}
