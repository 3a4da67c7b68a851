/** What a mover does at a request, in the order in which it comes to it. */
export const MOVER_PHASES = [
  'begin',
  'copy',
  'compare',
  'close',
  'verdict',
  'record',
  'forget',
  'delete',
] as const
export type MoverPhase = (typeof MOVER_PHASES)[number]

/** Where a mover kills itself: at which request of a phase, before it is sent or when it was answered. */
export interface MoverKill {
  phase: MoverPhase
  /** From 1. */
  nth: number
  moment: 'before' | 'after'
}

/** @param target database of the generation that is moved to */
export function phaseOf(
  { url, method, body }: { url: string; method: string; body: string },
  target: string,
): MoverPhase | undefined {
  if (method === 'DELETE') return 'delete'
  const operation = url.slice(url.lastIndexOf('/') + 1)
  const isMove = body.includes('"move ')
  if (operation === 'upsert' && isMove) {
    if (body.includes('closing')) return 'close'
    return body.includes('through\\":\\"~') ? 'record' : 'begin'
  }
  if (operation === 'add' && isMove) return 'verdict'
  if (operation === 'delete' && isMove) return 'forget'
  if (operation === 'upsert') return 'copy'
  const isComparison = url.includes(`/${target}/`) && body.includes('embeddings')
  return operation === 'get' && isComparison ? 'compare' : undefined
}
