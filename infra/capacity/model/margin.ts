import type { Split } from './weights.ts'

/** Share by which a measured, and an unmeasured, estimate may be too low. */
const MARGIN = { measured: 0.05, unmeasured: 0.1 }

/** Bytes set aside beside what is reckoned, on the host and on the GPU. */
export function marginOf(reserved: Split, measured: boolean): Split {
  const share = measured ? MARGIN.measured : MARGIN.unmeasured
  return { host: Math.ceil(reserved.host * share), gpu: Math.ceil(reserved.gpu * share) }
}
