import type { Tensor } from './gguf.ts'

/** Makes tensors; the same seed makes the same ones, so that digests stay. */
export class RandomTensors {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** @param gain 1 keeps sums over the input as large as their terms */
  tensor(name: string, shape: number[], gain = 1): Tensor {
    const scale = gain * Math.sqrt(3 / shape[0]!)
    return this.#fill(name, shape, () => (this.#next() * 2 - 1) * scale)
  }

  ones = (name: string, shape: number[]): Tensor => this.#fill(name, shape, () => 1)
  zeros = (name: string, shape: number[]): Tensor => this.#fill(name, shape, () => 0)

  #fill(name: string, shape: number[], value: () => number): Tensor {
    const length = shape.reduce((product, size) => product * size, 1)
    return { name, shape, values: Float32Array.from({ length }, value) }
  }

  /** 0 … 1: mulberry32, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
