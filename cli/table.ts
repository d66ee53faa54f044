import pc from 'picocolors'
import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'
import { printable } from './output.js'
import { terminalWidth } from './terminal-width.js'

/** Spaces between two columns. */
const GAP = 2

/** No column of a table that must shrink gets narrower than this. */
const NARROWEST = 4

/** One column of a table of `Row`s. */
export interface Column<Row> {
  readonly head: string
  /** What stands in the cell: styles are allowed, and `\n` begins another line of the same cell. */
  readonly cell: (row: Row) => string
  /** `right` for numbers. @default 'left' */
  readonly align?: 'left' | 'right'
  /** The text may be wrapped at spaces, in no fewer columns than this. Without it a cell stays on its line. */
  readonly wrap?: number
  /** The column may be left out where the terminal is too narrow: that of the highest number goes first. */
  readonly drop?: number
  /** What the head means, explained beneath the table while the column is shown. */
  readonly legend?: string
}

export interface TableOptions {
  /** Columns of the terminal. @default terminalWidth() */
  readonly width?: number
  /** Lines beneath the table, wrapped to its width. */
  readonly legend?: readonly string[]
  /** No blank lines between rows, even where some take several lines. @default false */
  readonly dense?: boolean
  /** How to see the columns that were left out. @default 'widen the terminal, or use --json' */
  readonly elsewhere?: string
}

/**
 * A table in which no line is wider than the terminal. Where it does not fit, columns that may wrap are narrowed first;
 * where that is not enough, columns are left out, and a line beneath says which; as a last resort any cell wraps.
 */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  {
    width = terminalWidth(),
    legend = [],
    dense = false,
    elsewhere = 'widen the terminal, or use --json',
  }: TableOptions = {},
): string {
  const laidOut = layOut(
    columns.map((column) => ({ column, cells: rows.map((row) => printable(column.cell(row))) })),
    width,
  )
  const shown = laidOut.map(({ column }) => column)
  const missing = columns.filter((column) => !shown.includes(column)).map(({ head }) => head)
  const grid = rows.map((_, row) =>
    laidOut.map(({ cells, width: space }) => wrapped(cells[row] ?? '', space)),
  )
  const heads = laidOut.map(({ column, width: space }) => wrapped(column.head, space))
  const rule = laidOut.map(({ width: space }) => '─'.repeat(space)).join(' '.repeat(GAP))
  const apart = !dense && grid.some((cells) => cells.some((lines) => lines.length > 1))
  const lines = [...drawn(laidOut, heads).map((line) => pc.bold(line)), pc.dim(rule)]
  for (const [at, cells] of grid.entries()) {
    if (apart && at > 0) lines.push('')
    lines.push(...drawn(laidOut, cells))
  }
  const notes = [
    ...shown.flatMap(({ head, legend: meaning }) => (meaning === undefined ? [] : [`${head}: ${meaning}`])),
    ...legend,
    ...(missing.length === 0 ? [] : [`not shown: ${missing.join(', ')} (${elsewhere})`]),
  ]
  if (notes.length > 0)
    lines.push('', ...notes.flatMap((note) => wrapped(note, width).map((line) => pc.dim(line))))
  return lines.join('\n')
}

interface Content<Row> {
  readonly column: Column<Row>
  readonly cells: readonly string[]
}

interface LaidOut<Row> extends Content<Row> {
  readonly width: number
}

/** The columns that fit, with the width of each. */
function layOut<Row>(contents: readonly Content<Row>[], width: number): LaidOut<Row>[] {
  const natural = contents.map(({ column, cells }) => Math.max(...[column.head, ...cells].map(textWidth)))
  const room = width - GAP * (contents.length - 1)
  const narrowest = contents.map(({ column }, at) =>
    Math.min(natural[at] ?? 0, column.wrap ?? Number.POSITIVE_INFINITY),
  )
  if (sum(narrowest) > room) {
    const first = contents.toSorted((a, b) => (b.column.drop ?? 0) - (a.column.drop ?? 0))[0]
    if (first?.column.drop !== undefined && contents.length > 1) {
      return layOut(
        contents.filter((content) => content !== first),
        width,
      )
    }
    breakWords(contents, narrowest, room)
  }
  const widths = snug(contents, natural, narrowest, room)
  return contents.map((content, at) => ({ ...content, width: widths[at] ?? 0 }))
}

/** Where nothing may be left out, words are broken: those of text first, numbers only if they must. */
function breakWords<Row>(contents: readonly Content<Row>[], narrowest: number[], room: number): void {
  for (const align of ['left', 'right'] as const) {
    if (sum(narrowest) <= room) return
    for (const [at, { column }] of contents.entries()) {
      if ((column.align ?? 'left') === align) narrowest[at] = Math.min(narrowest[at] ?? 0, NARROWEST)
    }
  }
}

/** Text that wraps seldom fills its column: what is left over goes to the other columns. */
function snug<Row>(
  contents: readonly Content<Row>[],
  natural: readonly number[],
  narrowest: readonly number[],
  room: number,
): number[] {
  const widths = shrunk(natural, narrowest, room)
  const filled = contents.map(({ column, cells }, at) => {
    const width = widths[at] ?? 0
    return Math.max(
      ...[column.head, ...cells].flatMap((cell) => wrapped(cell, width).map((line) => stringWidth(line))),
    )
  })
  const wanted = natural.map((width, at) => {
    const [given, used] = [widths[at] ?? 0, filled[at] ?? 0]
    return used < given ? used : width
  })
  return shrunk(
    wanted,
    narrowest.map((floor, at) => Math.min(floor, wanted[at] ?? 0)),
    room,
  )
}

/** Takes from the widest column that may still give, until all fit. */
function shrunk(natural: readonly number[], narrowest: readonly number[], room: number): number[] {
  const widths = [...natural]
  for (let excess = sum(widths) - room; excess > 0; excess--) {
    let widest = -1
    for (const [at, width] of widths.entries()) {
      if (width > (narrowest[at] ?? 0) && (widest === -1 || width > (widths[widest] ?? 0))) widest = at
    }
    if (widest === -1) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

/** The lines of one row, padded to their columns; nothing trails. */
function drawn<Row>(columns: readonly LaidOut<Row>[], cells: readonly (readonly string[])[]): string[] {
  const height = Math.max(1, ...cells.map((lines) => lines.length))
  return Array.from({ length: height }, (_, line) =>
    columns
      .map(({ column, width }, at) => {
        const text = cells[at]?.[line] ?? ''
        const padding = ' '.repeat(Math.max(0, width - stringWidth(text)))
        return column.align === 'right' ? padding + text : text + padding
      })
      .join(' '.repeat(GAP))
      .trimEnd(),
  )
}

function wrapped(text: string, width: number): string[] {
  return wrapAnsi(text, Math.max(1, width), { hard: true }).split('\n')
}

function textWidth(text: string): number {
  return Math.max(...text.split('\n').map((line) => stringWidth(line)))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
