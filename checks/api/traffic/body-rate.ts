import { performance } from 'node:perf_hooks'
import { KiB, type Millis, seconds } from '../../../infra/units.ts'

/** Bytes a second that a body comes with at least. */
export const SLOWEST = 8 * KiB
const LOOK: Millis = seconds(1)
/** A look that is as late says that this process stood still: nobody could be heard meanwhile. */
const LATE: Millis = seconds(0.5)
/** Looks until two whole seconds lie behind a body that began between two of them. */
const LOOKS = 3

/** A body on its way. */
interface ArrivingBody {
  onSlow: () => void
  looks: number
  bytes: number
  bytesBefore: number
}

/**
 * Ends bodies that come too slowly. Each is looked at every second, from the second one on, and judged by the last two:
 * an average would let a caller that began well stay for long.
 */
export class BodyRate {
  readonly #arriving = new Set<ArrivingBody>()
  #timer: NodeJS.Timeout | undefined
  #lastLook = 0

  /**
   * Watches a body until it is done.
   * @param onSlow called once at most
   */
  watch(onSlow: () => void): { arrived(bytes: number): void; done(): void } {
    const body = { onSlow, ...NEW }
    if (this.#arriving.size === 0) this.#start()
    this.#arriving.add(body)
    return {
      arrived: bytes => {
        body.bytes += bytes
      },
      done: () => {
        this.#arriving.delete(body)
        if (this.#arriving.size === 0) clearInterval(this.#timer)
      },
    }
  }

  #start(): void {
    this.#lastLook = performance.now()
    this.#timer = setInterval(() => this.#look(), LOOK).unref()
  }

  #look(): void {
    const now = performance.now()
    const isLate = now - this.#lastLook > LOOK + LATE
    this.#lastLook = now
    if (isLate) for (const body of this.#arriving) Object.assign(body, NEW)
    // What has come by now is read first: timers run before it.
    else setImmediate(() => this.#judge())
  }

  #judge(): void {
    for (const body of this.#arriving) {
      body.looks += 1
      const isSlow = body.looks >= LOOKS && body.bytes + body.bytesBefore < 2 * SLOWEST
      body.bytesBefore = body.bytes
      body.bytes = 0
      if (isSlow) body.onSlow()
    }
  }
}

const NEW = { looks: 0, bytes: 0, bytesBefore: 0 }
