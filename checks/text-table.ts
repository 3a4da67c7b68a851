import { stripVTControlCharacters } from 'node:util'
import Table from 'cli-table3'

/** Columns between two cells. */
const GAP = 2
/** A column is not made narrower than this, however many there are. */
const NARROWEST = 6
const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid']
    .flatMap(side => [side, `${side}-mid`, `${side}-left`, `${side}-right`, `${side}-middle`])
    .concat('left-mid', 'right-mid', 'mid-mid', 'middle')
    .map(name => [name, '']),
)

/**
 * Columns of the terminal that is written to. One that says it has none, as some of containers and of `expect` do, is as
 * wide as what is no terminal.
 */
export const terminalWidth = (otherwise: number): number => process.stdout.columns || otherwise

/**
 * A table without lines. Each column is as wide as its widest cell; where all of them are wider than the terminal, the
 * widest are folded.
 * @param width columns of the terminal; Infinity for what is no terminal
 */
export function textTable(head: string[], rows: string[][], width: number): string {
  const linesIn = (column: number) => [head, ...rows].flatMap(row => row[column]!.split('\n'))
  const widths = head.map((_, column) => Math.max(...linesIn(column).map(lengthOf)))
  const over = () => widths.reduce((sum, each) => sum + each + GAP, 0) - width
  while (over() > 0 && Math.max(...widths) > NARROWEST)
    widths[widths.indexOf(Math.max(...widths))]! -= 1
  const folded = (row: string[]) => row.map((cell, column) => fold(cell, widths[column]!))
  const table = new Table({
    head: folded(head),
    colWidths: widths.map(each => each + GAP),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
  })
  table.push(...rows.map(folded))
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n')
}

/** Without what colours it. */
const lengthOf = (line: string): number => stripVTControlCharacters(line).length

/** What a line may be folded after: a space, or a sign within a name. */
const PARTS = /[^\s:/-]*(?:[:/-]+|\s+|$)/g

/** Folds lines that are longer: between words, or after a sign within a name, or, where a part is longer still, within it. */
export function fold(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap(line => foldLine(line, width))
    .join('\n')
}

function foldLine(line: string, width: number): string[] {
  if (lengthOf(line) <= width) return [line]
  const lines = ['']
  for (let part of line.match(PARTS) ?? []) {
    if (lines.at(-1)!.length + part.trimEnd().length > width) lines.push('')
    for (; part.trimEnd().length > width; part = part.slice(width))
      lines.splice(-1, 1, part.slice(0, width), '')
    lines[lines.length - 1] += part
  }
  return lines.map(each => each.trimEnd()).filter(each => each !== '')
}
