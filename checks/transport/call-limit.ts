import type { Millis } from '../../infra/units.ts'

/**
 * What bounds one call: its deadline and the caller. By hand, since AbortSignal.any leaves some hundred bytes of every
 * call in a caller's signal, for as long as that lives (measured, Node 24).
 */
export class CallLimit {
  readonly #caller: AbortSignal | undefined
  readonly #clock: NodeJS.Timeout
  readonly #giveUp = () => this.end(this.#caller?.reason)
  readonly #whenOver: ((reason: unknown) => void)[] = []
  #over: { reason: unknown } | undefined

  constructor(deadline: Millis, caller: AbortSignal | undefined) {
    this.#caller = caller
    this.#clock = setTimeout(
      () => this.end(new DOMException('The time is over', 'TimeoutError')),
      deadline,
    ).unref()
    caller?.addEventListener('abort', this.#giveUp)
  }

  get isOver(): boolean {
    return this.#over !== undefined
  }

  /** Calls back with the caller's reason, or with a TimeoutError when the time is over; at once when either is so. */
  whenOver(callback: (reason: unknown) => void): void {
    if (this.#over === undefined) this.#whenOver.push(callback)
    else callback(this.#over.reason)
  }

  /** The same as a signal, for whom nothing else will do: to make one and listen to it takes longer than all the rest. */
  signal(): AbortSignal {
    const controller = new AbortController()
    this.whenOver(reason => controller.abort(reason))
    return controller.signal
  }

  /** Lets go of the caller's signal and the clock, once the call is over. */
  release(): void {
    clearTimeout(this.#clock)
    this.#caller?.removeEventListener('abort', this.#giveUp)
  }

  /** Ends what is still under way, and lets go of the caller's signal and the clock. */
  end(reason: unknown): void {
    this.release()
    this.#over = { reason }
    for (const callback of this.#whenOver) callback(reason)
  }
}
