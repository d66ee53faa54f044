import { readFileSync } from 'node:fs'

const page = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8')

/** The table of docs/reliability.md whose first column is headed so: its other columns, and the cells of each row. */
export function table(heading: string): {
  readonly columns: string[]
  readonly rows: ReadonlyMap<string, string[]>
} {
  const lines = page.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${heading} |`))
  const end = lines.findIndex((line, at) => at > head && !line.startsWith('|'))
  const [columns = [], , ...body] = lines.slice(head, end).map((line) => line.split('|').slice(1, -1))
  const trimmed = body.map((cells) => cells.map((cell) => cell.trim()))
  return {
    columns: columns.slice(1).map((cell) => cell.trim()),
    rows: new Map(trimmed.map(([what = '', ...cells]) => [what, cells])),
  }
}

/** Milliseconds; null where the page says that it does not apply. */
export function boundOf(cell: string): number | null {
  if (cell === '—') return null
  if (cell === 'at once') return 0
  const seconds = /^(\d+(?:\.\d+)?) s$/.exec(cell)?.[1]
  if (seconds === undefined) throw new Error(`no bound: ${cell}`)
  return Number(seconds) * 1000
}
