import type { Millis } from '../../infra/units.ts'

export interface CallLimit {
  /** Ends with the caller's reason, or with a TimeoutError when the time is over. */
  signal: AbortSignal
  /** Lets go of the caller's signal and the clock. The deadline does so at the latest. */
  release(): void
}

/**
 * What bounds one call: its deadline and the caller. By hand, since AbortSignal.any leaves some hundred bytes of
 * every call in a caller's signal, for as long as that lives (measured, Node 24).
 */
export function limitCall(deadline: Millis, caller: AbortSignal | undefined): CallLimit {
  const controller = new AbortController()
  const giveUp = () => {
    release()
    controller.abort(caller?.reason)
  }
  const timeOut = () => {
    release()
    controller.abort(new DOMException('The time is over', 'TimeoutError'))
  }
  const clock = setTimeout(timeOut, deadline).unref()
  const release = () => {
    clearTimeout(clock)
    caller?.removeEventListener('abort', giveUp)
  }
  caller?.addEventListener('abort', giveUp)
  return { signal: controller.signal, release }
}
