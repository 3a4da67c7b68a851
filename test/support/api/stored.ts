/** How a PUT of a document is answered that was stored: in place of another, or where there was none. */
export const STORED: readonly number[] = [200, 201]
