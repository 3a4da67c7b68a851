import { padTo } from '../model/kv-cache.ts'
import type { Graph } from './graph.ts'
import { bytesOf, sameLayout, type Tensor } from './tensor.ts'

/** Operations whose result may take the place of a source: ggml_op_can_inplace in ggml-alloc.c. */
const IN_PLACE = new Set([
  'scale',
  'add',
  'add_id',
  'mul',
  'div',
  'unary',
  'rope',
  'rms_norm',
  'soft_max',
])

interface Block {
  offset: number
  size: number
}

/** What is known of a tensor while the graph is walked. */
interface Life {
  children: number
  views: number
  offset: number
  allocated: boolean
}

/**
 * The size of the buffer that a graph's results need, in bytes: a replay of ggml_gallocr (ggml-alloc.c, as
 * vendored by Ollama 0.17.4), which walks the graph in order, gives each result the smallest free block that
 * holds it, lets results take the place of a source that nobody needs any more, and frees what was last used.
 */
export function bufferSize(graph: Graph, alignment: number): number {
  return new Replay(alignment).run(graph)
}

class Replay {
  readonly #alignment: number
  readonly #lives = new Map<Tensor, Life>()
  /** Free blocks by offset; the last one has no end. */
  readonly #free: Block[] = [{ offset: 0, size: Number.MAX_SAFE_INTEGER }]
  #peak = 0

  constructor(alignment: number) {
    this.#alignment = alignment
  }

  run({ nodes, leaves }: Graph): number {
    for (const leaf of leaves) this.#allocate(leaf)
    for (const node of nodes) {
      if (node.view !== undefined) this.#life(node.view).views += 1
      for (const source of node.sources) this.#life(source).children += 1
    }
    for (const node of nodes) {
      for (const source of node.sources) this.#allocate(source)
      this.#allocate(node)
      for (const source of node.sources) this.#release(source)
    }
    return this.#peak
  }

  #life(tensor: Tensor): Life {
    const known = this.#lives.get(tensor)
    if (known !== undefined) return known
    const life = { children: 0, views: 0, offset: 0, allocated: false }
    this.#lives.set(tensor, life)
    return life
  }

  #allocate(tensor: Tensor): void {
    const life = this.#life(tensor)
    if (life.allocated || tensor.origin === 'external' || tensor.view !== undefined) return
    life.allocated = true
    if (IN_PLACE.has(tensor.op) && this.#takePlaceOfSource(tensor, life)) return
    life.offset = this.#take(this.#sizeOf(tensor))
  }

  /** A view is never replaced, though ggml means to: it does not count as allocated there. */
  #takePlaceOfSource(tensor: Tensor, life: Life): boolean {
    const source = tensor.sources.find(source => {
      const { allocated, children, views } = this.#life(source)
      return allocated && children === 1 && views === 0 && sameLayout(tensor, source)
    })
    if (source === undefined) return false
    const parent = this.#life(source)
    life.offset = parent.offset
    parent.allocated = false
    return true
  }

  #release(source: Tensor): void {
    const life = this.#life(source)
    life.children -= 1
    if (life.children > 0 || life.views > 0) return
    const owner = source.view ?? source
    const ownerLife = this.#life(owner)
    if (source.view !== undefined) ownerLife.views -= 1
    if (ownerLife.views > 0 || ownerLife.children > 0 || !ownerLife.allocated) return
    this.#giveBack(ownerLife.offset, this.#sizeOf(owner))
    ownerLife.allocated = false
  }

  /** The best fitting block, the endless last one only when no other holds it. */
  #take(size: number): number {
    const last = this.#free.at(-1)!
    const fitting = this.#free.filter(block => block !== last && block.size >= size)
    // Of equally good blocks ggml takes the last.
    const block = fitting.reduce((best, next) => (next.size <= best.size ? next : best), last)
    const { offset } = block
    block.offset += size
    block.size -= size
    if (block.size === 0) this.#free.splice(this.#free.indexOf(block), 1)
    this.#peak = Math.max(this.#peak, offset + size)
    return offset
  }

  #giveBack(offset: number, size: number): void {
    const at = this.#free.findIndex(block => block.offset > offset)
    this.#free.splice(at, 0, { offset, size })
    const [before, block, after] = [this.#free[at - 1], this.#free[at]!, this.#free[at + 1]!]
    if (block.offset + block.size === after.offset) {
      block.size += after.size
      this.#free.splice(at + 1, 1)
    }
    if (before !== undefined && before.offset + before.size === block.offset) {
      before.size += block.size
      this.#free.splice(at, 1)
    }
  }

  #sizeOf(tensor: Tensor): number {
    return padTo(bytesOf(tensor), this.#alignment)
  }
}
