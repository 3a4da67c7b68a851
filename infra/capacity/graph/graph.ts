import type { Tensor } from './tensor.ts'

/** A graph in the order in which it is computed. */
export class Graph {
  readonly nodes: Tensor[] = []
  readonly leaves: Tensor[] = []
  readonly #seen = new Set<Tensor>()

  /** Adds a tensor and what it is made from, sources first: ggml_build_forward_expand. */
  expand(...tensors: Tensor[]): void {
    for (const tensor of tensors) this.#visit(tensor)
  }

  #visit(tensor: Tensor): void {
    if (this.#seen.has(tensor)) return
    this.#seen.add(tensor)
    for (const source of tensor.sources) this.#visit(source)
    const list = tensor.op === 'none' ? this.leaves : this.nodes
    list.push(tensor)
  }
}
