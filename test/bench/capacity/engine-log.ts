import { MiB } from '../../../infra/units.ts'

/** What the engine's log says it reserved, in bytes. */
export interface Reserved {
  weights: number
  kv: number
  compute: number
  /** llama.cpp's room for logits that are handed out. */
  output: number
}

/**
 * Reads the log of one load. llama.cpp says its buffers in MiB with two decimals; Ollama's own engine says
 * every byte in the last of its lines `msg=memory … required.…`.
 */
export function readReserved(log: string): Reserved {
  const own = log.split('\n').findLast(line => line.includes('required.CPU.'))
  return own === undefined || log.includes('CPU compute buffer size')
    ? readLlamaCpp(log, 'CPU')
    : ollama(own)
}

/** @param device as llama.cpp calls it, or as its name begins: `CPU`, `CUDA0` */
export function readLlamaCpp(log: string, device: string): Reserved {
  const buffer = (name: string) =>
    [
      ...log.matchAll(new RegExp(`${device}\\w* +${name} buffer size = +([\\d.]+) MiB`, 'g')),
    ].reduce((sum, [, mib]) => sum + Number(mib) * MiB, 0)
  return {
    weights: buffer('model'),
    kv: buffer('KV'),
    compute: buffer('compute'),
    output: buffer('output'),
  }
}

function ollama(line: string): Reserved {
  const list = (key: string) => {
    const found = new RegExp(`required\\.${key}="?\\[?([\\d ]+)`).exec(line)?.[1] ?? ''
    return found.split(' ').reduce((sum, bytes) => sum + Number(bytes), 0)
  }
  return {
    weights: list('InputWeights') + list('CPU\\.Weights'),
    kv: list('CPU\\.Cache'),
    compute: list('CPU\\.Graph'),
    output: 0,
  }
}
