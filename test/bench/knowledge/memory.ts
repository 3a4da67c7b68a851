import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Memory {
  /** Bytes of living objects, after a collection. */
  heap: number
  /** Bytes of the whole process. */
  resident: number
}

/** This process's memory over the run, taken first when the watch is made. */
export function memoryWatch(): { taken: Memory[]; take(): void } {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const taken: Memory[] = []
  const take = () => {
    collectGarbage()
    const { heapUsed, rss } = process.memoryUsage()
    taken.push({ heap: heapUsed, resident: rss })
  }
  take()
  return { taken, take }
}
