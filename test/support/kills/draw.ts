/** Draws from what a seed gives. */
export class Draw {
  /** 0 … 1 */
  readonly next: () => number

  constructor(next: () => number) {
    this.next = next
  }

  /** A whole number from 0 to below this. */
  below = (limit: number): number => Math.floor(this.next() * limit)
  of = <T>(items: readonly T[]): T => items[this.below(items.length)]!
  shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map(item => ({ item, at: this.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
}
