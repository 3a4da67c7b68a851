/** A source cannot give a model, for this reason; the next source may. */
export class SourceProblem extends Error {
  constructor(reason: string, options: { cause?: unknown } = {}) {
    super(reason, options)
    this.name = 'SourceProblem'
  }
}
